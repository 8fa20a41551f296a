import type { Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import { test } from 'tap'
import type { BackendConfig, ProbeConfig, SendProxy } from '../../src/config/config.ts'
import { probe } from '../../src/control/probe.ts'
import { type Backend, recorder, startBackend } from '../support/backend.ts'
import { testAuthority } from '../support/certificates.ts'

interface Wish {
  readonly probe?: Partial<ProbeConfig>
  readonly backend?: Partial<BackendConfig>
  readonly sendProxy?: SendProxy
  readonly ca?: string
}

function ask({ port }: Backend, wish: Wish = {}): Promise<string | null> {
  const secureContext = wish.ca === undefined ? null : createSecureContext({ ca: wish.ca })
  return probe(
    {
      backend: {
        name: 'b:1',
        scheme: 'tcp',
        host: '127.0.0.1',
        port,
        serverName: 'a.test',
        insecure: false,
        ...wish.backend,
      } as BackendConfig,
      probe: {
        kind: 'tcp',
        path: '/health',
        host: '',
        statusMin: 200,
        statusMax: 399,
        intervalMs: 1000,
        timeoutMs: 2000,
        rise: 1,
        fall: 1,
        ...wish.probe,
      },
      sendProxy: wish.sendProxy ?? 'off',
      secureContext,
    },
    '127.0.0.1',
  )
}

/** Answers any request with these bytes, and keeps what was asked. */
function answers(bytes: string, asked: string[] = []) {
  return (socket: Socket): void => {
    socket.on('data', (data: Buffer) => {
      asked.push(data.toString('latin1'))
      socket.write(bytes)
    })
  }
}

test('tcp: who accepts is well', async t => {
  const backend = await startBackend(t, () => {})
  t.equal(await ask(backend), null)
  await backend.kill()
  t.equal(await ask(backend), 'ECONNREFUSED')
})

test('http: the status decides, the request says who asks', async t => {
  const asked: string[] = []
  const http = { kind: 'http' } as const
  const well = await startBackend(t, answers('HTTP/1.1 204 No Content\r\n\r\n', asked))
  t.equal(await ask(well, { probe: http }), null)
  t.match(asked[0], /^GET \/health HTTP\/1\.1\r\nHost: b:1\r\nUser-Agent: weir-probe\r\n/)
  t.equal(await ask(well, { probe: { ...http, host: 'x.test', path: '/?a' } }), null)
  t.match(asked[1], /^GET \/\?a HTTP\/1\.1\r\nHost: x\.test\r\n/)
  t.match(
    await ask(well, { probe: { ...http, statusMin: 200, statusMax: 200 } }),
    /status 204, not 200$/,
  )
  const ill = await startBackend(t, answers('HTTP/1.1 503 Busy\r\n\r\n'))
  t.equal(await ask(ill, { probe: http }), 'status 503, not 200-399')
})

test('http: what is no answer is told as such', async t => {
  const http = { kind: 'http', timeoutMs: 200 } as const
  const cases: [(socket: Socket) => void, RegExp][] = [
    [answers('SSH-2.0-x\r\n'), /no HTTP status line/],
    [answers('HTTP/1.1 20x\r\n'), /no HTTP status line/],
    [answers('x'.repeat(9000)), /no HTTP status line/],
    [socket => socket.on('data', () => socket.end()), /closed without an answer/],
    [socket => socket.on('data', () => socket.resetAndDestroy()), /ECONNRESET/],
    [() => {}, /no answer within 200 ms/],
  ]
  for (const [serve, message] of cases) {
    t.match(await ask(await startBackend(t, serve), { probe: http }), message)
  }
})

test('tls: the handshake decides; of a tls:// backend the certificate too', async t => {
  const ca = testAuthority(t)
  const { issued } = ca.issue('a', ['a.test'])
  const pair = { cert: issued.chainPem, key: issued.keyPem }
  const backend = await startBackend(t, answers('HTTP/1.1 200 OK\r\n\r\n'), { tls: pair })
  const plain = await startBackend(t, answers('not TLS'))
  const tls = { kind: 'tls' } as const
  const verified = { scheme: 'tls' } as const
  t.equal(await ask(backend, { probe: tls }), null, 'any certificate of a tcp:// backend')
  t.equal(await ask(backend, { probe: tls, backend: verified, ca: ca.pem }), null)
  t.match(await ask(backend, { probe: tls, backend: verified }), /^TLS: /)
  t.match(
    await ask(backend, { probe: tls, backend: { ...verified, serverName: 'b.test' }, ca: ca.pem }),
    /^TLS: ERR_TLS_CERT_ALTNAME_INVALID/,
  )
  t.equal(await ask(backend, { probe: tls, backend: { ...verified, insecure: true } }), null)
  t.equal(await ask(backend, { probe: { kind: 'http' }, backend: verified, ca: ca.pem }), null)
  t.match(await ask(plain, { probe: tls }), /^TLS: /)
})

test('a backend that expects a PROXY header gets one that says it is a probe', async t => {
  const asked: string[] = []
  const http = { kind: 'http' } as const
  const backend = await startBackend(t, answers('HTTP/1.1 200 OK\r\n\r\n', asked))
  await ask(backend, { probe: http, sendProxy: 'v1' })
  t.match(asked.join(''), /^PROXY UNKNOWN\r\nGET /)
  asked.length = 0
  await ask(backend, { probe: http, sendProxy: 'v2' })
  t.match(asked.join(''), /^\r\n\r\n\0\r\nQUIT\n\x20\0\0\0GET /)
  const tcp = await startBackend(t, recorder)
  t.equal(await ask(tcp, { sendProxy: 'v1' }), null)
  t.equal(tcp.served() <= 1, true)
})
