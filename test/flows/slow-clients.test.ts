/** Clients that hold what they can by being slow; the whole thing, with thousands, is `npm run bench:attack`. */
import { type Test, test } from 'tap'
import { ClientEar } from '../support/client-ear.ts'
import { dial } from '../support/client.ts'
import { startHttpBackend } from '../support/http-backend.ts'
import { until } from '../support/until.ts'
import { type RunningWeir, startWeir, withoutLimits } from '../support/weir.ts'

const MIB = 1024 * 1024
/** More than the kernel takes off weir. */
const LARGE = 16 * MIB
const EACH = 100
const FLAGS = ['--listen', 'http://127.0.0.1:0', '--workers', '1', '--request-rate', '0']

async function start(t: Test, ...flags: string[]): Promise<RunningWeir> {
  const large = Buffer.alloc(LARGE, 'x')
  const backend = await startHttpBackend(t, (request, response) => {
    request.resume()
    request.on('end', () => response.end(request.url === '/large' ? large : 'ok'))
  })
  const urls = ['--backend', backend.url, '--probe', 'none']
  return await startWeir(t, withoutLimits(...FLAGS, ...urls, ...flags))
}

/** Sends `text`, and if `drips` a byte of its own now and then, until weir has had enough. */
async function slow(t: Test, port: number, text: string, drips: boolean): Promise<ClientEar> {
  const ear = new ClientEar(await dial(port))
  ear.socket.write(text)
  const drip = setInterval(() => ear.socket.write('a'), 100)
  if (!drips) clearInterval(drip)
  ear.socket.on('close', () => clearInterval(drip))
  ear.socket.on('end', () => ear.socket.destroy())
  t.teardown(() => ear.socket.destroy())
  return ear
}

/** Asks for a lot and reads none of it. */
async function deaf(t: Test, port: number): Promise<void> {
  const socket = await dial(port)
  socket.pause()
  socket.write('GET /large HTTP/1.1\r\nHost: a\r\n\r\n')
  t.teardown(() => socket.destroy())
}

test('slow heads, bodies and readers are ended, and who is not slow does not notice', async t => {
  // What sessions hold is looked at once a second and told as it was up to a second ago: those that hold much stay for longer.
  const timeouts = ['--head-timeout', '1s', '--body-timeout', '1s', '--write-timeout', '4s']
  const weir = await start(t, ...timeouts)
  const port = weir.ports[0]!
  const first = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
  const head = 'GET / HTTP/1.1\r\nHost: a\r\nX-'
  const body = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx'
  const ears: ClientEar[] = []
  for (let i = 0; i < EACH; i++) {
    // Half of them begin like anybody else.
    ears.push(await slow(t, port, i % 2 === 0 ? head : first + head, true))
    ears.push(await slow(t, port, body, false))
    await deaf(t, port)
  }
  const times: number[] = []
  let held = 0
  const isOver = async (): Promise<boolean> => {
    const ended = await weir.metric('weir_sessions_ended_total', { ending: 'client-slow' })
    held = Math.max(held, await weir.metric('weir_session_held_bytes_max'))
    return ended === EACH && ears.every(ear => ear.closed)
  }
  await until(async () => {
    for (let i = 0; i < 20; i++) {
      const began = performance.now()
      const answer = await fetch(`http://127.0.0.1:${port}/`)
      if ((await answer.text()) !== 'ok') t.fail(`an answer with ${answer.status}`)
      times.push(performance.now() - began)
    }
    return await isOver()
  }, 'all of them are ended')
  for (const ear of ears) t.match(ear.text, /HTTP\/1\.1 408 .*"reason":"request-timeout"/s)
  await weir.metricIs('weir_refusals_total', { reason: 'request-timeout' }, 2 * EACH)
  times.sort((a, b) => a - b)
  const p99 = times[Math.floor(times.length * 0.99)]!
  t.ok(p99 < 500, `99 of 100 answers within ${p99.toFixed(1)} ms, of ${times.length}`)
  t.ok(held > 65_536 && held <= 1.25 * MIB, `no session has held more than ${held} bytes`)
  await weir.metricIs('weir_session_held_bytes', { held: 'to-client' }, 0)
  // The other client may keep one.
  await until(async () => (await weir.metric('weir_connections')) <= 1, 'their places are free')
})

test('a byte now and then buys a body no more than its ten seconds', async t => {
  const weir = await start(t, '--body-timeout', '1s')
  const text = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n'
  const began = performance.now()
  const ear = await slow(t, weir.ports[0]!, text, true)
  await until(() => ear.closed, 'it is ended')
  const seconds = (performance.now() - began) / 1000
  t.ok(seconds > 9.5 && seconds < 14, `after ${seconds.toFixed(1)} s`)
  t.match(ear.text, /^HTTP\/1\.1 408 /)
})

test('what sessions hold is told while they hold it, on the way it waits', async t => {
  const weir = await start(t)
  const port = weir.ports[0]!
  const is = async (held: string, least: number): Promise<void> => {
    await until(
      async () => (await weir.metric('weir_session_held_bytes', { held })) >= least,
      `${held} is ${least} at least`,
    )
  }
  await deaf(t, port)
  await is('to-client', 32_768)
  await is('from-backend', 32_768)
  // Early requests wait behind one whose response nobody reads.
  const early = await dial(port)
  early.pause()
  early.write('GET /large HTTP/1.1\r\nHost: a\r\n\r\n')
  early.write(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(8000)}\r\n\r\n`.repeat(40))
  await is('from-client', 65_536)
  t.ok((await weir.metric('weir_session_held_bytes', { held: 'from-client' })) <= 3 * 65_536)
  early.destroy()
})
