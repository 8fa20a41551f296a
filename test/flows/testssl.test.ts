import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { named, startBackend } from '../support/backend.ts'
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
    const backend = await startBackend(t, named('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
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
        ...['--protocols', '--std', '--fs', '--server-preference', '--renegotiation'],
        ...['--crime', '--heartbleed', '--ccs-injection', '--robot', '--sweet32', '--freak'],
        ...['--logjam', '--drown', '--rc4', '--jsonfile', report],
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
    t.match(of('FS'), 'offered')
    t.match(of('cipherlist_STRONG_NOFS'), 'not offered', 'forward secrecy only')
    t.match(of('cipherlist_OBSOLETED'), 'not offered')
    t.match(of('secure_client_renego'), 'not vulnerable')
    await weir.metricIs('weir_connections', {}, 0)
  })
}
