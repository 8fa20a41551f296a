import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as after } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { startBackend } from '../support/backend.ts'
import { dial, read, readAll } from '../support/client.ts'
import { inOneTurn } from '../support/one-turn.ts'
import { until } from '../support/until.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

const LISTEN = ['--listen', 'http://127.0.0.1:0', '--workers', '1', '--request-rate', '0']
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

async function start(t: Test, backends: readonly string[], ...flags: string[]) {
  const urls = backends.flatMap(url => ['--backend', url.replace('tcp:', 'http:')])
  return await startWeir(t, withoutLimits(...LISTEN, '--probe', 'none', ...urls, ...flags))
}

/** Answers every request head that it gets, whole or not. */
function answering(socket: Socket): void {
  socket.on('data', () => socket.write(ANSWER))
}

test('an upload may take longer than a response may', async t => {
  const backend = await startBackend(t, socket => {
    let got = ''
    socket.on('data', (bytes: Buffer) => {
      got += bytes.toString('latin1')
      if (got.endsWith('abc')) socket.write(ANSWER)
    })
  })
  const weir = await start(t, [backend.url], '--response-timeout', '400ms')
  const client = await dial(weir.ports[0]!)
  client.write('PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\n')
  for (const piece of 'abc') {
    await after(300)
    client.write(piece)
  }
  t.match(await read(client, ANSWER.length), /^HTTP\/1\.1 200 /)
  client.destroy()
})

test('a backend that takes the body slowly is not the fault of its client', async t => {
  const size = 24 * 1024 * 1024
  const backend = await startBackend(t, socket => {
    let got = 0
    socket.on('data', (bytes: Buffer) => {
      if (got === 0) {
        socket.pause()
        setTimeout(() => socket.resume(), 900)
      }
      got += bytes.length
      if (got > size) socket.write(ANSWER)
    })
  })
  const weir = await start(t, [backend.url], '--body-timeout', '300ms')
  const answer = await fetch(`http://127.0.0.1:${weir.ports[0]!}/`, {
    method: 'PUT',
    body: new Uint8Array(size),
  })
  t.equal(answer.status, 200)
})

test('a client that closed its side and gets no answer is taken to be gone', async t => {
  const backend = await startBackend(t, () => {})
  const weir = await start(t, [backend.url], '--half-close-timeout', '300ms')
  const client = await dial(weir.ports[0]!)
  client.end('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
  await until(() => backend.served() === 1, 'the backend was asked')
  await until(() => backend.open.size === 0, 'the request was cancelled')
  await weir.metricIs('weir_request_faults_total', { fault: 'client-gone' }, 1)
  client.destroy()
})

for (const size of [6, 100_000]) {
  test(`a client that resets behind a body of ${size} bytes is gone at once`, async t => {
    let got = 0
    const backend = await startBackend(t, socket => {
      socket.on('data', (bytes: Buffer) => (got += bytes.length))
    })
    const weir = await start(t, [backend.url])
    const client = await dial(weir.ports[0]!)
    client.write(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${size}\r\n\r\n`)
    client.write('x'.repeat(size))
    await until(() => got > size, 'the backend was asked')
    client.resetAndDestroy()
    await until(() => backend.open.size === 0, 'the request was cancelled')
  })
}

test('of requests that came before the client closed its side the last one is cancelled as well', async t => {
  let asked = 0
  const backend = await startBackend(t, socket => {
    socket.on('data', () => {
      if (++asked === 1) socket.write(ANSWER)
    })
  })
  const weir = await start(t, [backend.url], '--half-close-timeout', '300ms')
  const client = await dial(weir.ports[0]!)
  client.end('GET /1 HTTP/1.1\r\nHost: a.test\r\n\r\nGET /2 HTTP/1.1\r\nHost: a.test\r\n\r\n')
  await until(() => asked === 2, 'both were asked')
  await weir.metricIs('weir_request_faults_total', { fault: 'client-gone' }, 1)
  client.destroy()
})

test('a client that closed its side in a response that stands still is taken to be gone', async t => {
  const backend = await startBackend(t, socket => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok'))
  })
  const weir = await start(t, [backend.url], '--half-close-timeout', '300ms')
  const client = await dial(weir.ports[0]!)
  client.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
  t.match(await read(client, 20), /^HTTP\/1\.1 200 /)
  client.end()
  await until(() => backend.open.size === 0, 'the request was cancelled')
  await weir.metricIs('weir_request_faults_total', { fault: 'client-gone' }, 1)
  client.destroy()
})

test('one whose response goes on gets all of it, however long it takes', async t => {
  const backend = await startBackend(t, socket => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n')
      let digit = 0
      const timer = setInterval(() => {
        socket.write(String(++digit))
        if (digit === 9) clearInterval(timer)
      }, 150)
    })
  })
  const weir = await start(t, [backend.url], '--half-close-timeout', '400ms')
  const client = await dial(weir.ports[0]!)
  client.end('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
  t.match((await readAll(client)).toString(), /^HTTP\/1\.1 200 .*123456789$/s)
})

test('a client that closed its side still gets what comes in time', async t => {
  const backend = await startBackend(t, answering)
  const weir = await start(t, [backend.url])
  const client = await dial(weir.ports[0]!)
  client.end('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
  t.match((await readAll(client)).toString(), /^HTTP\/1\.1 200 .*ok$/s)
})

test('who reads the last response slowly gets all of it', async t => {
  const size = 3 * 1024 * 1024
  const backend = await startBackend(t, socket => {
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
      socket.write(Buffer.alloc(size, 'x'))
    })
  })
  const weir = await start(t, [backend.url])
  const client = await dial(weir.ports[0]!)
  client.write('GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')
  // Longer than weir lingers for a client that has all.
  await after(3000)
  const text = (await readAll(client)).toString('latin1')
  t.equal(text.length - text.indexOf('\r\n\r\n') - 4, size)
})

test('an exchange ends at --exchange-timeout, whatever it was at', async t => {
  const silent = await startBackend(t, () => {})
  const weir = await start(t, [silent.url], '--exchange-timeout', '300ms')
  const answer = await fetch(`http://127.0.0.1:${weir.ports[0]!}/`)
  t.equal(answer.status, 504)
  t.match(await answer.json(), { reason: 'exchange-timeout' })
})

test('what is safe to do twice is asked elsewhere, what is not is not', async t => {
  const dying = await startBackend(t, socket => {
    socket.once('data', () => socket.resetAndDestroy())
  })
  const alive = await startBackend(t, answering)
  const weir = await start(t, [dying.url, alive.url], '--balance', 'round-robin')
  const base = `http://127.0.0.1:${weir.ports[0]!}`
  for (let i = 0; i < 8; i++) t.equal((await fetch(base)).status, 200)
  const statuses: number[] = []
  for (let i = 0; i < 4; i++) {
    statuses.push((await fetch(base, { method: 'POST', body: 'x' })).status)
  }
  t.ok(
    statuses.includes(502),
    `a POST that may have been done is not sent again: ${statuses.join()}`,
  )
  t.ok((await weir.metric('weir_request_retries_total')) >= 3)
})

test('with --backend-pipeline requests of one turn share a connection, and each gets its own answer', async t => {
  let shared = 0
  const backend = await startBackend(t, socket => {
    socket.on('data', (bytes: Buffer) => {
      const paths = [...bytes.toString('latin1').matchAll(/^GET (\S+) /gm)].map(([, path]) => path!)
      if (paths.length > 1) shared++
      for (const path of paths) {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`)
      }
    })
  })
  const weir = await start(t, [backend.url], '--backend-pipeline', '16')
  const clients = await Promise.all(Array.from({ length: 32 }, () => dial(weir.ports[0]!)))
  // One connection to share: those of one turn that find none are dialed side by side.
  const warm = until200(clients[0]!)
  clients[0]!.write('GET /first HTTP/1.1\r\nHost: a.test\r\n\r\n')
  await warm
  for (let round = 0; round < 20; round++) {
    const heard = clients.map(client => until200(client))
    await inOneTurn(weir.child, () => {
      for (const [i, client] of clients.entries()) {
        client.write(`GET /${round}-${i}- HTTP/1.1\r\nHost: a.test\r\n\r\n`)
      }
    })
    const answers = await Promise.all(heard)
    for (const [i, answer] of answers.entries()) {
      t.ok(answer.endsWith(`/${round}-${i}-`), `${round}-${i}: ${answer.slice(-12)}`)
    }
  }
  t.ok(shared > 0, 'several requests came in one read of a connection')
  for (const client of clients) client.destroy()
})

test('of a shared connection that breaks every request is asked again, alone', async t => {
  let first = true
  const backend = await startBackend(t, socket => {
    socket.on('data', (bytes: Buffer) => {
      const asked = bytes.toString('latin1').split('\r\n\r\n').length - 1
      if (first && asked > 1) {
        first = false
        socket.end(ANSWER)
        return
      }
      for (let i = 0; i < asked; i++) socket.write(ANSWER)
    })
  })
  const weir = await start(t, [backend.url], '--backend-pipeline', '16')
  const clients = await Promise.all(Array.from({ length: 16 }, () => dial(weir.ports[0]!)))
  for (let round = 0; round < 10; round++) {
    const heard = clients.map(client => until200(client))
    await inOneTurn(weir.child, () => {
      for (const client of clients) client.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
    })
    for (const answer of await Promise.all(heard)) {
      t.match(answer, /ok$/)
    }
  }
  t.notOk(first, 'requests did share a connection')
  for (const client of clients) client.destroy()
})

/** One whole answer with a Content-Length. */
async function until200(client: Socket): Promise<string> {
  let text = ''
  for (;;) {
    const [chunk] = (await once(client, 'data')) as [Buffer]
    text += chunk.toString('latin1')
    const end = text.indexOf('\r\n\r\n')
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
    if (end !== -1 && text.length >= end + 4 + length) return text
  }
}
