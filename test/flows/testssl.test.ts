import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { startBackend } from '../support/backend.ts'
import { testAuthority } from '../support/certificates.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

const program = ['testssl', 'testssl.sh'].find(
  name => spawnSync(name, ['--version']).error === undefined,
)
const skip = program === undefined ? 'testssl.sh is not installed' : false

interface Finding {
  readonly id: string
  readonly severity: string
  readonly finding: string
}

for (const profile of ['intermediate', 'modern'] as const) {
  test(`testssl.sh on the ${profile} profile`, { skip, timeout: 240_000 }, async t => {
    const backend = await startBackend(t, socket => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
      socket.on('end', () => socket.end())
    })
    const { cert, key } = testAuthority(t).issue('localhost', ['localhost'])
    const weir = await startWeir(
      t,
      withoutLimits(
        ...['--listen', 'tls://127.0.0.1:0', '--cert', cert, '--key', key],
        ...['--backend', backend.url, '--tls-profile', profile],
      ),
    )
    const report = join(t.testdir(), 'report.json')
    const child = spawn(
      program!,
      [
        ...['--quiet', '--warnings', 'off', '--color', '0', '--ip', '127.0.0.1', '--nodns', 'none'],
        ...['--protocols', '--std', '--fs', '--renegotiation', '--heartbleed', '--robot'],
        ...['--jsonfile', report],
        `localhost:${weir.ports[0]!}`,
      ],
      { stdio: 'ignore' },
    )
    await once(child, 'close')
    const findings = JSON.parse(readFileSync(report, 'utf8')) as Finding[]
    const of = (id: string): string => findings.find(each => each.id === id)?.finding ?? 'missing'
    const bad = findings.filter(({ severity }) => /LOW|MEDIUM|HIGH|CRITICAL|FATAL/.test(severity))
    t.strictSame(bad, [], 'nothing is flagged')
    for (const old of ['SSLv2', 'SSLv3', 'TLS1', 'TLS1_1']) t.match(of(old), 'not offered', old)
    t.match(of('TLS1_2'), profile === 'modern' ? 'not offered' : 'offered')
    t.match(of('TLS1_3'), 'offered')
    // Version 3.0 calls it PFS.
    t.match(findings.find(({ id }) => id === 'FS' || id === 'PFS')?.finding, /^offered/)
    const lists = findings.filter(({ id }) => id.startsWith('cipherlist_'))
    const offered = lists.filter(({ finding }) => !finding.startsWith('not offered'))
    t.ok(lists.length >= 7, `${lists.length} lists of suites were tried`)
    t.strictSame(
      offered.map(({ id }) => id).filter(id => !/^cipherlist_STRONG(?:_FS)?$/.test(id)),
      [],
      'strong suites with forward secrecy only',
    )
    t.match(of('secure_client_renego'), 'not vulnerable')
    await weir.metricIs('weir_connections', {}, 0)
  })
}
