import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:tls'
import { type Test, test } from 'tap'
import { echo, startBackend } from '../support/backend.ts'
import { testAuthority } from '../support/certificates.ts'
import { sayName, startHttpBackend } from '../support/http-backend.ts'
import { type RunningWeir, runWeir, startWeir, withoutLimits } from '../support/weir.ts'

async function tlsWeir(t: Test, scheme: 'tls' | 'sni', ...flags: string[]): Promise<RunningWeir> {
  const backend = await startBackend(t, echo)
  const { cert, key } = testAuthority(t).issue('localhost', ['localhost'])
  const pair = scheme === 'tls' ? ['--cert', cert, '--key', key] : []
  const listen = ['--listen', `${scheme}://127.0.0.1:0`, ...pair]
  return startWeir(
    t,
    withoutLimits(...listen, '--backend', backend.url, '--workers', '2', ...flags),
  )
}

/** Says hello as s_client does. @returns what it prints */
function sClient(port: number, ...flags: string[]): Promise<string> {
  return new Promise(resolve => {
    const args = ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'localhost', ...flags]
    const client = execFile('openssl', args, { timeout: 20_000 }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    )
    client.stdin?.end()
  })
}

/** Of s_client, with these flags, as the log has it. */
async function logged(weir: RunningWeir, ...flags: string[]): Promise<string> {
  const before = weir.lines.length
  connected(await sClient(weir.ports[0]!, ...flags))
  const line = await weir.line(
    each => weir.lines.indexOf(each) >= before && each['ja4'] !== undefined,
    'a connection with its fingerprint',
  )
  return String(line['ja4'])
}

function connected(output: string): void {
  if (!output.includes('CONNECTED')) throw new Error(output)
}

const LINUX_CLIENT = [
  '-ciphersuites',
  'TLS_AES_128_GCM_SHA256',
  '-cipher',
  'ECDHE-RSA-AES128-GCM-SHA256',
]

test('connection lines say which software the client is, whether TLS ends here or not', async t => {
  const own = await logged(await tlsWeir(t, 'tls'))
  t.match(own, /^t13d\d{4}00_[0-9a-f]{12}_[0-9a-f]{12}$/)
  const other = await logged(await tlsWeir(t, 'tls'), '-alpn', 'http/1.1')
  t.match(other, /^t13d\d{4}h1_/)
  t.equal(other.split('_')[1], own.split('_')[1], 'the same suites')
  t.equal(await logged(await tlsWeir(t, 'sni')), own, 'the same hello')
  const older = await logged(await tlsWeir(t, 'tls'), '-tls1_2')
  t.match(older, /^t12d/)
})

test('access lines of HTTP have it as well', async t => {
  const backend = await startHttpBackend(t, sayName('a'))
  const { cert, key } = testAuthority(t).issue('localhost', ['localhost'])
  const listen = ['--listen', 'https://127.0.0.1:0', '--cert', cert, '--key', key]
  const weir = await startWeir(t, withoutLimits(...listen, '--backend', backend.url))
  const options = { port: weir.ports[0]!, servername: 'localhost', rejectUnauthorized: false }
  const client = connect({ ...options, host: '127.0.0.1', ALPNProtocols: ['http/1.1'] })
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(client, 'data')
  client.destroy()
  const line = await weir.line(({ msg }) => msg === 'request', 'the request')
  t.match(line['ja4'], /^t13d\d{4}h1_[0-9a-f]{12}_[0-9a-f]{12}$/)
})

test('a denied fingerprint gets an alert and costs no handshake; others are served', async t => {
  for (const scheme of ['tls', 'sni'] as const) {
    const known = await logged(await tlsWeir(t, scheme), ...LINUX_CLIENT)
    const weir = await tlsWeir(t, scheme, '--deny-fingerprint', known)
    t.match(await sClient(weir.ports[0]!, ...LINUX_CLIENT), /alert access denied/, scheme)
    await weir.metricIs('weir_refusals_total', { reason: 'fingerprint-denied' }, 1)
    const line = await weir.line(({ msg }) => msg === 'refused', 'the refusal')
    t.match(line, { reason: 'fingerprint-denied', ja4: known })
    t.notMatch(await sClient(weir.ports[0]!), /alert/, 'another list of suites')
    await weir.metricIs('weir_refusals_total', { reason: 'fingerprint-denied' }, 1)
    await weir.metricIs('weir_connections', {}, 0)
    await weir.metricIs('weir_tls_handshakes_total', {}, scheme === 'tls' ? 1 : 0)
  }
})

test('a limited fingerprint has one budget on the host, whatever the address', async t => {
  const flags = [
    '--limit-fingerprint',
    't13d*',
    '--fingerprint-rate',
    '0.01',
    '--fingerprint-burst',
    '3',
  ]
  const weir = await tlsWeir(t, 'tls', ...flags)
  const alerts: string[] = []
  for (let i = 0; i < 5; i++) {
    const output = await sClient(weir.ports[0]!, '-bind', `127.0.0.${i + 2}`)
    if (/alert internal error/.test(output)) alerts.push(`127.0.0.${i + 2}`)
  }
  t.strictSame(alerts, ['127.0.0.5', '127.0.0.6'])
  await weir.metricIs('weir_refusals_total', { reason: 'fingerprint-rate' }, 2)
  t.notMatch(await sClient(weir.ports[0]!, '-tls1_2'), /alert internal/, 'TLS 1.2 is not covered')
})

test('what is no JA4 is told at start', async t => {
  const listen = ['check', '--listen', 'tcp://127.0.0.1:0', '--backend', 'tcp://127.0.0.1:1']
  for (const bad of [
    't13d1516h2',
    't13d1516h2_8daaf6152771_e5627efa2ab1*',
    'T13*',
    't13d*h2',
    'x',
  ]) {
    const { code, stderr } = await runWeir([...listen, '--deny-fingerprint', bad])
    t.equal(code, 2, bad)
    t.match(stderr, `--deny-fingerprint: ${JSON.stringify(bad)} is no JA4`)
  }
  for (const good of ['*', 't', 't13d*', 't13d1516h2_8daaf6152771_e5627efa2ab1']) {
    const { code } = await runWeir([...listen, '--limit-fingerprint', good])
    t.equal(code, good === 't' ? 2 : 0, good)
  }
})
