import { generateKeyPairSync } from 'node:crypto'
import { test } from 'tap'
import { createAuthority, issueLeaf } from '../../src/certificate/authority.ts'
import { inspectCertificate } from '../../src/certificate/inspect.ts'

const DAY_MS = 86_400_000
const NOW = new Date('2030-06-01T00:00:00Z')
const inDays = (days: number) => new Date(NOW.getTime() + days * DAY_MS)
const valid = { notBefore: inDays(-1), notAfter: inDays(89) }

const root = createAuthority({ notBefore: inDays(-1) })
const leaf = issueLeaf(root, { names: ['a.test'], ...valid })

const codes = (namedCurve: string) => {
  const key = generateKeyPairSync('ec', { namedCurve }).privateKey
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' })
  const made = issueLeaf(root, { names: ['a.test'], keyPem, ...valid })
  const { problems } = inspectCertificate(made.chainPem, keyPem, NOW)
  return problems.map(({ severity, code }) => `${severity} ${code}`)
}

test('a key on a small curve is an error, one on an uncommon curve a warning', async t => {
  t.same(codes('prime192v1'), ['error weak-key', 'warning unusual-key'])
  t.same(codes('secp224r1'), ['warning unusual-key'])
  t.same(codes('secp256k1'), ['warning unusual-key'])
  t.same(codes('secp384r1'), [])
})

const at = (date: Date, offsetMs: number) =>
  inspectCertificate(leaf.chainPem, undefined, new Date(date.getTime() + offsetMs)).problems.map(
    ({ code }) => code,
  )

test('a certificate is good up to its last millisecond, and from its first', async t => {
  t.same(at(valid.notBefore, 0), [])
  t.ok(at(valid.notBefore, -1).includes('not-yet-valid'))
  t.same(at(valid.notAfter, 0), ['expires-soon'])
  t.same(at(valid.notAfter, 1), ['expired'])
})

const left = (days: number, life: number, expiryWarningDays?: number) => {
  const notAfter = inDays(days)
  const notBefore = inDays(days - life)
  const made = issueLeaf(root, { names: ['a.test'], notBefore, notAfter })
  return inspectCertificate(made.chainPem, undefined, NOW, { expiryWarningDays }).problems.length
}

test('the days of warning can be chosen, and a short life is warned of in its last third', async t => {
  t.equal(left(13.9, 90), 1)
  t.equal(left(14, 90), 0)
  t.equal(left(14, 90, 30), 1)
  t.equal(left(13, 90, 7), 0)
  t.equal(left(3, 6), 0)
  t.equal(left(1.9, 6), 1)
})
