import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { renameSync, writeFileSync } from 'node:fs'
import type { TLSSocket } from 'node:tls'
import { type Test, test } from 'tap'
import { echo, named, startBackend } from '../support/backend.ts'
import { testAuthority } from '../support/certificates.ts'
import { dial, dialTls, ending, exchange, read, readAll } from '../support/client.ts'
import { until } from '../support/until.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

const run = promisify(execFile)

async function tlsWeir(t: Test, ...flags: string[]) {
  const ca = testAuthority(t)
  const { cert, key } = ca.issue('localhost', ['localhost', '*.example.test'])
  const backend = await startBackend(t, echo)
  const tls = ['--listen', 'tls://127.0.0.1:0', '--cert', cert, '--key', key]
  const weir = await startWeir(t, withoutLimits(...tls, '--backend', backend.url, ...flags))
  return { ca, cert, key, backend, weir, port: weir.ports[0]! }
}

test('curl speaks HTTPS to a plain backend through weir', async t => {
  const ca = testAuthority(t)
  const { cert, key } = ca.issue('localhost', ['localhost'])
  const backend = await startBackend(t, named('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'))
  const tls = ['--listen', 'tls://127.0.0.1:0', '--cert', cert, '--key', key]
  const weir = await startWeir(t, withoutLimits(...tls, '--backend', backend.url))
  const url = `https://localhost:${weir.ports[0]}/`
  const { stdout } = await run('curl', ['-sS', '--cacert', ca.file, '-4', url])
  t.equal(stdout, 'hi')
})

test('TLS 1.2 and 1.3 with forward-secret suites, X25519 and the hybrid group', async t => {
  const { ca, weir, port } = await tlsWeir(t)
  for (const [version, cipher] of [
    ['TLSv1.2', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
    ['TLSv1.3', 'TLS_AES_128_GCM_SHA256'],
  ] as const) {
    const options = {
      ca: ca.pem,
      minVersion: version,
      maxVersion: version,
      ecdhCurve: 'X25519:P-256',
    }
    const socket = await dialTls(port, options)
    t.equal(socket.getProtocol(), version)
    t.equal(socket.getCipher().name, cipher)
    t.equal(await exchange(socket, 'hello'), 'hello')
  }
  const hybrid = await dialTls(port, { ca: ca.pem, ecdhCurve: 'X25519MLKEM768' })
  t.equal(await exchange(hybrid, 'x'), 'x')
  await weir.metricIs(
    'weir_tls_handshakes_total',
    { version: 'TLSv1.3', group: 'X25519MLKEM768' },
    1,
  )
  await weir.metricIs('weir_tls_handshakes_total', { version: 'TLSv1.2' }, 1)
  t.match(
    weir.lines.find(line => line['tls'] === 'TLSv1.2'),
    { sni: 'localhost', cipher: 'ECDHE-ECDSA-AES128-GCM-SHA256', resumed: false, end: 'finished' },
  )
})

test('weak suites, old versions and renegotiation are refused', async t => {
  const { ca, weir, port } = await tlsWeir(t)
  const weak = {
    ca: ca.pem,
    maxVersion: 'TLSv1.2',
    ciphers: 'AES128-SHA:ECDHE-ECDSA-AES128-SHA',
  } as const
  await t.rejects(dialTls(port, weak), { code: /ALERT_HANDSHAKE_FAILURE/ })
  await weir.metricIs('weir_tls_handshake_failures_total', { cause: 'no-shared-cipher' }, 1)
  const old = {
    ca: ca.pem,
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'ALL:@SECLEVEL=0',
  } as const
  await t.rejects(dialTls(port, old), { code: /PROTOCOL_VERSION/ })
  await weir.metricIs('weir_refusals_total', { reason: 'tls-version' }, 1)

  const target = ['-connect', `127.0.0.1:${port}`, '-tls1_2', '-servername', 'localhost']
  const client = spawn('openssl', ['s_client', ...target])
  let said = ''
  client.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()))
  client.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()))
  await until(() => said.includes('Verify return code'), 'the first handshake is over')
  // s_client's own command for a renegotiation.
  client.stdin.write('R\n')
  await once(client, 'close')
  t.match(said, /RENEGOTIATING[\s\S]*(?:no renegotiation|unexpected eof)/)
})

test('the modern profile speaks TLS 1.3 only', async t => {
  const { ca, port } = await tlsWeir(t, '--tls-profile', 'modern')
  await t.rejects(dialTls(port, { ca: ca.pem, maxVersion: 'TLSv1.2' }), {
    code: /PROTOCOL_VERSION/,
  })
  t.equal(await exchange(await dialTls(port, { ca: ca.pem }), 'x'), 'x')
})

test('a session resumes in any worker, in both versions', async t => {
  const { ca, weir, port } = await tlsWeir(t, '--workers', '2')
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const first = await dialTls(port, { ca: ca.pem, maxVersion })
    const session = first.getSession()
    const tickets = maxVersion === 'TLSv1.3' ? once(first, 'session') : Promise.resolve([session])
    first.write('x')
    await once(first, 'data')
    const [ticket] = (await tickets) as [Buffer]
    first.end()
    for (let i = 0; i < 8; i++) {
      const again = await dialTls(port, { ca: ca.pem, maxVersion, session: ticket })
      t.ok(again.isSessionReused(), `${maxVersion}, connection ${i}`)
      again.end()
    }
    await weir.metricIs('weir_tls_handshakes_total', { version: maxVersion, resumed: 'yes' }, 8)
  }
})

test('garbage, plain HTTP and slow hellos do not reach the handshake', async t => {
  const { weir, port } = await tlsWeir(t, '--hello-timeout', '400ms')
  t.equal(await ending(port, {}, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'ECONNRESET')
  t.equal(
    await ending(port, {}, Buffer.from('16030100050100000100', 'hex')),
    'closed after 15030300020232',
  )
  t.equal(await ending(port), 'ECONNRESET', 'a client that says nothing')
  await weir.metricIs('weir_refusals_total', { reason: 'not-tls' }, 1)
  await weir.metricIs('weir_refusals_total', { reason: 'hello-malformed' }, 1)
  await weir.metricIs('weir_refusals_total', { reason: 'hello-timeout' }, 1)
  await weir.metricIs('weir_connections', {}, 0)
})

test('a client that stops in the middle of the handshake is let go', async t => {
  const { weir, port } = await tlsWeir(t, '--handshake-timeout', '400ms')
  // A real hello, and then nothing.
  const { promise, resolve } = Promise.withResolvers<Buffer>()
  const trap = (await import('node:net')).createServer(socket => {
    socket.once('data', (hello: Buffer) => {
      resolve(hello)
      socket.destroy()
    })
  })
  trap.listen(0, '127.0.0.1')
  await once(trap, 'listening')
  const address = trap.address()
  const trapPort = typeof address === 'object' && address !== null ? address.port : 0
  await dialTls(trapPort).catch(() => {})
  trap.close()
  t.match(await ending(port, {}, await promise), /^closed after 1603/, 'our half, and the end')
  await weir.metricIs('weir_sessions_ended_total', { ending: 'handshake-timeout' }, 1)
  await weir.metricIs('weir_connections', {}, 0)
})

test('the certificate is chosen by name, and strict mode refuses unknown ones', async t => {
  const ca = testAuthority(t)
  const one = ca.issue('one', ['one.test'])
  const two = ca.issue('two', ['two.test', '*.two.test'])
  const backend = await startBackend(t, echo)
  const pairs = ['--cert', one.cert, '--key', one.key, '--cert', two.cert, '--key', two.key]
  const flags = withoutLimits('--listen', 'tls://127.0.0.1:0', ...pairs, '--backend', backend.url)
  const commonName = (socket: TLSSocket) => socket.getPeerCertificate().subject.CN
  const connect = (port: number, servername: string) =>
    dialTls(port, { ca: ca.pem, servername, checkServerIdentity: () => undefined })

  const weir = await startWeir(t, flags)
  const port = weir.ports[0]!
  for (const [name, expected] of [
    ['one.test', 'one.test'],
    ['TWO.test', 'two.test'],
    ['a.two.test', 'two.test'],
    ['a.b.two.test', 'one.test'],
    ['other.test', 'one.test'],
  ] as const) {
    const socket = await connect(port, name)
    t.equal(commonName(socket), expected, name)
    socket.destroy()
  }
  const strict = await startWeir(t, [...flags, '--strict-sni'])
  await t.rejects(connect(strict.ports[0]!, 'other.test'), { code: /UNRECOGNIZED_NAME/ })
  const known = await connect(strict.ports[0]!, 'a.two.test')
  t.equal(commonName(known), 'two.test')
})

test('ALPN is agreed on, and a client with none in common is refused', async t => {
  const { ca, port } = await tlsWeir(t, '--alpn', 'http/1.1')
  const socket = await dialTls(port, { ca: ca.pem, ALPNProtocols: ['h2', 'http/1.1'] })
  t.equal(socket.alpnProtocol, 'http/1.1')
  socket.destroy()
  await t.rejects(dialTls(port, { ca: ca.pem, ALPNProtocols: ['smtp'] }), {
    code: /NO_APPLICATION_PROTOCOL/,
  })
})

test('a new certificate is served without dropping a session', async t => {
  const { ca, cert, key, weir, port } = await tlsWeir(t)
  const before = await dialTls(port, { ca: ca.pem })
  before.write('x')
  await read(before, 1)
  const serial = before.getPeerCertificate().serialNumber

  const next = ca.issue('next', ['localhost'])
  // Half a swap fits nothing and changes nothing.
  renameSync(next.key, key)
  await weir.line(({ msg }) => msg === 'new certificate is not usable, keeping the old one', 'half')
  const between = await dialTls(port, { ca: ca.pem })
  t.equal(between.getPeerCertificate().serialNumber, serial)
  between.destroy()

  renameSync(next.cert, cert)
  await weir.line(({ msg }) => msg === 'certificates replaced', 'certificates replaced')
  const after = await dialTls(port, { ca: ca.pem })
  t.not(after.getPeerCertificate().serialNumber, serial)
  after.destroy()
  before.write('y')
  t.equal(await read(before, 1), 'y', 'the old session goes on')
  before.destroy()
})

test('an expired certificate is served, with a loud warning', async t => {
  const ca = testAuthority(t)
  const day = 86_400_000
  const { cert, key } = ca.issue('old', ['localhost'], {
    notBefore: new Date(Date.now() - 3 * day),
    notAfter: new Date(Date.now() - day),
  })
  const backend = await startBackend(t, echo)
  const tls = ['--listen', 'tls://127.0.0.1:0', '--cert', cert, '--key', key]
  const weir = await startWeir(t, withoutLimits(...tls, '--backend', backend.url))
  t.match(weir.lines[0], { level: 40, msg: /expired on .*renew/ })
  await t.rejects(dialTls(weir.ports[0]!, { ca: ca.pem }), { code: 'CERT_HAS_EXPIRED' })
  const socket = await dialTls(weir.ports[0]!, { rejectUnauthorized: false })
  t.equal(await exchange(socket, 'x'), 'x')
})

test('a TLS backend is verified unless told otherwise', async t => {
  const ca = testAuthority(t)
  const { issued } = ca.issue('backend', ['backend.test'])
  const backend = await startBackend(t, echo, {
    tls: { cert: issued.chainPem, key: issued.keyPem },
  })
  const listen = ['--listen', 'tcp://127.0.0.1:0', '--probe', 'none']
  const good = `${backend.url}?ca=${ca.file}&sni=backend.test`
  const cases = [
    [good, 'x', 'finished'],
    [`${backend.url}?insecure`, 'x', 'finished'],
    [`${backend.url}?ca=${ca.file}`, null, 'connect-failed'],
    [`${backend.url}?sni=backend.test`, null, 'connect-failed'],
  ] as const
  for (const [url, answer, end] of cases) {
    const weir = await startWeir(t, withoutLimits(...listen, '--backend', url, '--workers', '1'))
    const got = await dial(weir.ports[0]!)
      .then(socket => exchange(socket, 'x'))
      .catch(() => null)
    t.equal(got, answer, url)
    await weir.line(line => line['end'] === end, `${url} ends as ${end}`)
    await weir.stop()
  }
})

test('passthrough routes by server name and leaves TLS whole', async t => {
  const ca = testAuthority(t)
  const [one, two] = await Promise.all(
    ['one', 'two'].map(name => {
      const { issued } = ca.issue(name, [`${name}.test`, `www.${name}.test`])
      return startBackend(t, named(name), { tls: { cert: issued.chainPem, key: issued.keyPem } })
    }),
  )
  const file = `${t.testdirName}/weir.yaml`
  writeFileSync(
    file,
    `listeners:
  - listen: sni://127.0.0.1:0
    routes: { one.test: one, "*.two.test": two }
pools:
  one: { backends: "tcp://127.0.0.1:${one!.port}" }
  two: { backends: ["tcp://127.0.0.1:${two!.port}"] }
`,
  )
  const weir = await startWeir(t, withoutLimits('--config', file))
  const port = weir.ports[0]!
  for (const [servername, expected] of [
    ['one.test', 'one'],
    ['www.two.test', 'two'],
  ] as const) {
    const socket = await dialTls(port, { ca: ca.pem, servername })
    socket.write('x')
    t.equal((await readAll(socket)).toString(), expected)
  }
  await t.rejects(dialTls(port, { ca: ca.pem, servername: 'three.test' }), {
    code: /UNRECOGNIZED_NAME/,
  })
  await weir.metricIs('weir_refusals_total', { reason: 'unknown-server-name' }, 1)
})
