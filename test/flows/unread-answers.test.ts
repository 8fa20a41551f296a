/** Clients that ask and do not read: their answers do not pile up, and who reads late gets all of them. */
import type { Socket } from 'node:net'
import { type Test, test } from 'tap'
import { testAuthority } from '../support/certificates.ts'
import { dial, dialTls, readAll } from '../support/client.ts'
import { startHttpBackend } from '../support/http-backend.ts'
import { until } from '../support/until.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

const BYTES = 30_000
const MAX = '1000000'

interface Stage {
  readonly weir: Awaited<ReturnType<typeof startWeir>>
  readonly asked: () => number
  readonly dialers: readonly (() => Promise<Socket>)[]
}

/** A backend that sends as many bytes as the path says; one client speaks plainly, the other over TLS. */
async function start(t: Test, ...flags: string[]): Promise<Stage> {
  let asked = 0
  const backend = await startHttpBackend(t, (request, response) => {
    asked++
    response.end(Buffer.alloc(Number(request.url!.slice(1)), 'x'))
  })
  const authority = testAuthority(t)
  const { cert, key } = authority.issue('a', ['localhost'])
  const weir = await startWeir(
    t,
    withoutLimits(
      ...['--listen', 'http://127.0.0.1:0', '--listen', 'https://127.0.0.1:0', '--workers', '1'],
      ...['--cert', cert, '--key', key, '--backend', backend.url, '--request-rate', '0'],
      ...['--requests-per-connection', MAX, ...flags],
    ),
  )
  const [port = 0, tlsPort = 0] = weir.ports
  const dialers = [
    () => dial(port),
    () => dialTls(tlsPort, { rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }),
  ]
  return { weir, asked: () => asked, dialers }
}

function get(bytes: number, ...fields: string[]): string {
  return [`GET /${bytes} HTTP/1.1`, 'Host: a', ...fields, '', ''].join('\r\n')
}

async function readOn(socket: Socket): Promise<string> {
  const all = readAll(socket)
  socket.resume()
  return (await all).toString('latin1')
}

test('no more is asked of backends than such a client takes, until it is cut', async t => {
  const { weir, asked, dialers } = await start(t, '--write-timeout', '2s')
  for (const dialOne of dialers) {
    const before = asked()
    const cut = weir.lines.filter(line => line['end'] === 'client-slow').length
    const socket = await dialOne()
    socket.pause()
    socket.write(get(BYTES).repeat(20_000))
    await until(
      () => weir.lines.filter(line => line['end'] === 'client-slow').length > cut,
      'it is cut',
    )
    // What the kernel takes for a socket, and a read of either side.
    t.ok(asked() - before < 1000, `${asked() - before} of 20,000`)
    t.ok(asked() > before)
    socket.destroy()
  }
})

test('who begins to read gets all, in one piece', async t => {
  const { asked, dialers } = await start(t)
  const whole = get(BYTES).repeat(999) + get(BYTES, 'Connection: close')
  // One that says no more after the last request has to read no sooner.
  for (const [dialOne, ask] of dialers.flatMap(each => [
    [each, (socket: Socket) => void socket.write(whole)] as const,
    [each, (socket: Socket) => void socket.end(whole)] as const,
  ])) {
    const count = asked() + 1000
    const before = asked()
    const socket = await dialOne()
    socket.pause()
    ask(socket)
    await until(() => asked() > before + 10, 'some are asked')
    const text = await readOn(socket)
    t.equal(text.split('HTTP/1.1 200 OK').length - 1, 1000)
    t.equal(text.replaceAll(/HTTP[^]*?\r\n\r\n/g, '').length, 1000 * BYTES)
    t.equal(asked(), count)
  }
})

test('the end of a response is not thrown away while its client reads slowly, or is about to', async t => {
  const { weir, dialers } = await start(t, '--keep-alive-timeout', '1s')
  const sizes = Array.from({ length: 60 }, (_, n) => 600_000 + n * 100_000)
  for (const field of ['Connection: close', 'Connection: keep-alive']) {
    const clients = await Promise.all(
      dialers.flatMap(dialOne =>
        sizes.map(async size => {
          const socket = await dialOne()
          socket.pause()
          socket.write(get(size, field))
          return { socket, size }
        }),
      ),
    )
    const startMs = Date.now()
    // Longer than weir waits for one that only has to read what the kernel has.
    await until(() => Date.now() - startMs > 4000, 'it is late')
    const got = await Promise.all(
      clients.map(async ({ socket, size }) => {
        const text = await readOn(socket)
        return text.length - text.indexOf('\r\n\r\n') - 4 === size ? 'whole' : size
      }),
    )
    t.strictSame([...new Set(got)], ['whole'], field)
  }
  t.equal(weir.lines.filter(line => line['end'] === 'client-slow').length, 0)
})
