import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import { checkCertificates } from '../../src/config/certificates.ts'
import type { Config } from '../../src/config/config.ts'
import type { Problem } from '../../src/config/flag.ts'
import { testAuthority } from '../support/certificates.ts'

function check(certificates: { cert: string; key: string }[]): string[] {
  const problems: Problem[] = []
  const config = { tls: { certificates } } as unknown as Config
  checkCertificates(config, problems, new Date())
  return problems.map(({ where, message }) => `${where}: ${message}`)
}

test('a pair that fits is no problem', async t => {
  const ca = testAuthority(t)
  t.strictSame(check([ca.issue('a', ['a.test'])]), [])
})

test('files that are missing, of another pair, or none at all', async t => {
  const ca = testAuthority(t)
  const [a, b] = [ca.issue('a', ['a.test']), ca.issue('b', ['b.test'])]
  const garbage = join(dirname(ca.file), 'x.pem')
  writeFileSync(garbage, 'not a certificate')
  t.match(check([{ cert: '/nonexistent', key: a.key }]), [/--cert: \/nonexistent does not exist/])
  t.match(check([{ cert: a.cert, key: b.key }]), [
    /--cert: .*a\.pem with .*b-key\.pem: .*not match/,
  ])
  t.match(check([{ cert: garbage, key: a.key }]), [/--cert: .*x\.pem/])
})
