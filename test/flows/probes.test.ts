import { test } from 'tap'
import { echo, named, startBackend } from '../support/backend.ts'
import { testAuthority } from '../support/certificates.ts'
import { dial, exchange } from '../support/client.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

const LISTEN = ['--listen', 'tcp://127.0.0.1:0']

test('a tls probe wants a handshake, verified as traffic is', async t => {
  const authority = testAuthority(t)
  const { issued } = authority.issue('backend', ['backend.test'])
  const tls = { cert: issued.chainPem, key: issued.keyPem }
  const good = await startBackend(t, named('good'), { tls })
  const other = await startBackend(t, named('other'), { tls })
  const plain = await startBackend(t, echo)
  const weir = await startWeir(
    t,
    withoutLimits(
      ...LISTEN,
      ...['--probe', 'tls', '--probe-interval', '200ms', '--probe-timeout', '150ms'],
      ...['--backend', `${good.url}?ca=${authority.file}&sni=backend.test`],
      ...['--backend', `${other.url}?ca=${authority.file}&sni=wrong.test`],
      ...['--backend', plain.url.replace('tcp:', 'tls:')],
    ),
  )
  await weir.line(line => line['cause'] === 'TLS: ERR_TLS_CERT_ALTNAME_INVALID', 'the wrong name')
  await weir.line(
    line => line.msg === 'backend is down' && line['backend'] === `127.0.0.1:${plain.port}`,
    'no TLS there',
  )
  for (let i = 0; i < 6; i++) t.equal(await exchange(await dial(weir.ports[0]!), 'x'), 'good')
})

for (const version of ['v1', 'v2'] as const) {
  test(`probes begin with a PROXY ${version} header that names no client`, async t => {
    const seen: string[] = []
    const backend = await startBackend(t, socket => {
      let got = ''
      socket.on('data', (bytes: Buffer) => {
        got += bytes.toString('hex')
        if (!got.endsWith('0d0a0d0a')) return
        seen.push(got)
        socket.end('HTTP/1.1 200 OK\r\n\r\n')
      })
    })
    const weir = await startWeir(
      t,
      withoutLimits(
        ...LISTEN,
        '--backend',
        backend.url,
        '--send-proxy',
        version,
        '--probe',
        'http',
      ),
    )
    t.equal((await weir.admin('/readyz')).status, 200, 'the backend is up')
    const header =
      version === 'v1'
        ? Buffer.from('PROXY UNKNOWN\r\n').toString('hex')
        : '0d0a0d0a000d0a515549540a20000000'
    t.equal(seen[0]!.slice(0, header.length), header)
    t.match(
      Buffer.from(seen[0]!.slice(header.length), 'hex').toString(),
      /^GET \/ HTTP\/1\.[01]\r\n/,
    )
  })
}

test('an http probe asks for its path and host', async t => {
  const asked: string[] = []
  const backend = await startBackend(t, socket => {
    socket.once('data', (bytes: Buffer) => {
      asked.push(bytes.toString())
      socket.end('HTTP/1.1 200 OK\r\n\r\n')
    })
  })
  const probe = ['--probe', 'http', '--probe-path', '/health?deep=1', '--probe-host', 'api.test']
  await startWeir(t, withoutLimits(...LISTEN, '--backend', backend.url, ...probe))
  t.match(asked[0], /^GET \/health\?deep=1 HTTP\/1\.1\r\n(?:.*\r\n)*Host: api\.test\r\n/)
})
