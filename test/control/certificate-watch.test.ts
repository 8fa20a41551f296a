import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'tap'
import type { CertificatePem } from '../../src/config/messages.ts'
import { CertificateWatch } from '../../src/control/certificate-watch.ts'
import { testAuthority } from '../support/certificates.ts'
import { captureLog } from '../support/log.ts'

const DAY = 86_400_000
const NOW = new Date()

function watch(pairs: { cert: string; key: string }[]) {
  const { logger, lines } = captureLog()
  const changes: (readonly CertificatePem[])[] = []
  const it = new CertificateWatch(pairs, logger, certificates => changes.push(certificates))
  /** Twice, as it takes to see that files lie still. */
  const look = (): void => {
    it.check(NOW)
    it.check(NOW)
  }
  return { watch: it, look, lines, changes, messages: () => lines.map(({ msg }) => msg) }
}

test('a new pair is handed over once, whole', async t => {
  const ca = testAuthority(t)
  const [a, b] = [ca.issue('a', ['a.test']), ca.issue('b', ['b.test'])]
  const it = watch([{ cert: a.cert, key: a.key }])
  it.look()
  t.equal(it.changes.length, 0)
  copyFileSync(b.cert, a.cert)
  it.look()
  t.equal(it.changes.length, 0, 'the key is not there yet')
  t.strictSame(it.messages(), ['new certificate is not usable, keeping the old one'])
  it.look()
  t.equal(it.lines.length, 1, 'a state of the files is judged once')
  copyFileSync(b.key, a.key)
  it.look()
  it.look()
  t.equal(it.changes.length, 1)
  t.strictSame(it.changes[0], it.watch.certificates)
  t.equal(it.messages().at(-1), 'certificates replaced')
})

test('files that vanish or hold nonsense leave the old ones in use', async t => {
  const ca = testAuthority(t)
  const a = ca.issue('a', ['a.test'])
  const it = watch([{ cert: a.cert, key: a.key }])
  const before = it.watch.certificates
  rmSync(a.cert)
  it.look()
  it.look()
  t.strictSame(it.messages(), ['certificate files cannot be read, keeping the old ones'])
  writeFileSync(a.cert, 'nonsense')
  it.look()
  t.equal(it.messages().at(-1), 'new certificate is not usable, keeping the old one')
  writeFileSync(a.cert, before[0]!.cert)
  it.look()
  t.equal(it.changes.length, 0, 'what came back is what is in use')
  t.equal(it.watch.certificates, before)
})

test('a chain that is being written counts once it is whole', async t => {
  const ca = testAuthority(t)
  const [a, b] = [ca.issue('a', ['a.test']), ca.issue('b', ['b.test'])]
  const it = watch([{ cert: a.cert, key: a.key }])
  const leaf = readFileSync(b.cert, 'utf8')
  copyFileSync(b.key, a.key)
  // The leaf alone fits the key: clients would miss what stands behind it.
  writeFileSync(a.cert, leaf)
  it.watch.check(NOW)
  writeFileSync(a.cert, `${leaf}${ca.pem}`)
  it.watch.check(NOW)
  t.strictSame(it.changes, [])
  it.watch.check(NOW)
  t.match(it.changes, [[{ cert: `${leaf}${ca.pem}` }]])
})

test('expiry is known, and spoken of once per step', async t => {
  const ca = testAuthority(t)
  const notAfter = new Date(Math.ceil(NOW.getTime() / 1000) * 1000 + 40 * DAY)
  const a = ca.issue('a', ['a.test'], { notBefore: new Date(NOW.getTime() - DAY), notAfter })
  const it = watch([{ cert: a.cert, key: a.key }])
  t.equal(it.watch.expiry().get(a.cert), notAfter.getTime() / 1000)
  const daysBefore = (days: number): Date => new Date(notAfter.getTime() - days * DAY)
  for (const days of [40, 29.5, 20, 13.5, 13.4, 0.5]) it.watch.warnOfExpiry(daysBefore(days))
  t.match(
    it.lines.map(line => [line.msg, line['days_left']]),
    [
      ['certificate expires soon', 29],
      ['certificate expires soon', 13],
      ['certificate expires soon', 0],
    ],
  )
  it.watch.warnOfExpiry(daysBefore(-1))
  t.equal(it.messages().at(-1), 'certificate has expired: clients refuse it')
})
