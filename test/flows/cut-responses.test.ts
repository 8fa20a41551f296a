/** Responses that break off: the client can tell, and hears nothing behind them. */
import { type Test, test } from 'tap'
import { reset } from '../../src/transport/reset.ts'
import { startBackend } from '../support/backend.ts'
import { brokenOff, dial } from '../support/client.ts'
import { ClientEar } from '../support/client-ear.ts'
import { until } from '../support/until.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

const PARTS: Readonly<Record<string, string>> = {
  '/chunks': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
  '/length': 'HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\nhello',
  '/whole': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
}

/** A backend that begins its answers and says no more. @returns what it was asked, too */
async function start(t: Test, ...flags: string[]) {
  const asked: string[] = []
  const backend = await startBackend(t, socket => {
    let text = ''
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1')
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        const [method = '', path = ''] = text.split(' ')
        text = text.slice(end + 4)
        asked.push(`${method} ${path}`)
        socket.write(PARTS[path] ?? PARTS['/whole']!)
      }
    })
  })
  const url = backend.url.replace('tcp:', 'http:')
  const listen = ['--listen', 'http://127.0.0.1:0', '--backend', url, '--workers', '1']
  const weir = await startWeir(
    t,
    withoutLimits(...listen, '--request-rate', '0', '--probe', 'none', ...flags),
  )
  return { port: weir.ports[0]!, backend, asked }
}

function request(line: string, ...fields: string[]): string {
  return [line, 'Host: a', ...fields, '', ''].join('\r\n')
}

/** @param cut what breaks it off once a part is there @returns how it ended, and the body */
async function hear(port: number, text: string, cut: () => void) {
  const ear = new ClientEar(await dial(port))
  const ended = brokenOff(ear.socket)
  ear.socket.write(text)
  await until(() => ear.text.includes('hello'), 'a part of it')
  cut()
  return { how: await ended, body: ear.text.slice(ear.text.indexOf('\r\n\r\n') + 4) }
}

const REQUESTS = [
  request('GET /chunks HTTP/1.0'),
  request('GET /chunks HTTP/1.1', 'Connection: close'),
  request('GET /chunks HTTP/1.1'),
  request('GET /length HTTP/1.0'),
  request('GET /length HTTP/1.1', 'Connection: close'),
  request('GET /length HTTP/1.1'),
]

test('a response whose backend breaks ends in a reset, whatever delimits it', async t => {
  const { port, backend } = await start(t)
  for (const text of REQUESTS) {
    const { how, body } = await hear(port, text, () => backend.open.forEach(each => reset(each)))
    t.equal(how, 'ECONNRESET', text)
    t.match(body, /^(?:5\r\n)?hello(?:\r\n)?$/)
  }
})

test('so does one that stands still for too long, or lasts too long', async t => {
  for (const flag of ['--idle-timeout', '--exchange-timeout']) {
    const { port } = await start(t, flag, '500ms')
    const heard = await Promise.all(REQUESTS.map(text => hear(port, text, () => {})))
    for (const { how, body } of heard) {
      t.equal(how, 'ECONNRESET', flag)
      t.match(body, /^(?:5\r\n)?hello(?:\r\n)?$/)
    }
  }
})

test('what was asked behind it is neither answered nor done', async t => {
  const { port, backend, asked } = await start(t)
  // A connection that is kept would be there for the next request at once.
  const first = new ClientEar(await dial(port))
  first.socket.write(request('GET /whole HTTP/1.1') + request('GET /length HTTP/1.1'))
  await until(() => asked.length === 2, 'both are asked')
  for (const next of ['GET /nowhere HTTP/1.1\r\n\r\n', request('POST /pay HTTP/1.1')]) {
    asked.length = 0
    const text = request('GET /length HTTP/1.1') + next
    const { how, body } = await hear(port, text, () => {
      for (const socket of backend.open) reset(socket)
    })
    t.equal(how, 'ECONNRESET')
    t.equal(body, 'hello')
    t.strictSame(asked, ['GET /length'])
  }
})
