import { X509Certificate } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { createAuthority } from '../../src/certificate/authority.ts'
import {
  type ClientAuthorities,
  loadClientAuthorities,
} from '../../src/config/client-authorities.ts'
import { ClientAuthorityWatch } from '../../src/control/client-authority-watch.ts'
import { good } from '../support/config.ts'
import { captureLog } from '../support/log.ts'
import { writeRevocations } from '../support/revocation.ts'

const one = createAuthority()
const two = createAuthority()
const DAY = 86_400_000

/** @param meanwhile happens between the first read and the watch */
function watch(t: Test, ca: string, crl = '', meanwhile = () => {}) {
  const { listeners } = good(t, { listen: ['tcp://127.0.0.1:1'], backend: ['tcp://127.0.0.1:2'] })
  const config = { ca, crl, isRequired: true }
  const asking = [
    { ...listeners[0]!, clientCertificates: config },
    { ...listeners[0]!, clientCertificates: null },
  ]
  const { logger, lines } = captureLog()
  const changes: ClientAuthorities[] = []
  const first = loadClientAuthorities(asking, [])
  meanwhile()
  const watch = new ClientAuthorityWatch(asking, first, logger, next => changes.push(next))
  /** Twice, as it takes to see that files lie still. */
  const look = (): void => {
    watch.check()
    watch.check()
  }
  return { watch, look, changes, lines }
}

test('what is replaced is handed on, once', async t => {
  const directory = t.testdir({ 'ca.pem': one.certificatePem })
  const ca = join(directory, 'ca.pem')
  const { watch: watching, look, changes } = watch(t, ca)
  look()
  t.equal(changes.length, 0)
  writeFileSync(ca, two.certificatePem)
  look()
  look()
  t.strictSame(changes, [[{ ca: two.certificatePem, crl: '' }, null]])
  t.strictSame(watching.authorities, changes[0])
})

test('a file that will not do is told of once, and the old one stays', async t => {
  const directory = t.testdir({ 'ca.pem': one.certificatePem })
  const ca = join(directory, 'ca.pem')
  const { watch: watching, look, changes, lines } = watch(t, ca)
  writeFileSync(ca, one.certificatePem.slice(0, 200))
  look()
  look()
  rmSync(ca)
  look()
  t.strictSame(
    lines.map(({ error }) => error),
    [`${ca} holds a certificate that is cut off; copy the file again`, `${ca} does not exist`],
  )
  t.equal(changes.length, 0)
  t.match(watching.authorities, [{ ca: one.certificatePem }, null])
  writeFileSync(ca, two.certificatePem)
  look()
  t.equal(changes.length, 1)
})

test('a new list of what is revoked is handed on, and one that is none is not', async t => {
  const directory = t.testdir({ 'ca.pem': one.certificatePem })
  const crl = writeRevocations(directory, one, [])
  const { look, changes, lines } = watch(t, join(directory, 'ca.pem'), crl)
  writeRevocations(directory, one, [two.certificatePem])
  look()
  t.equal(changes.length, 1)
  writeFileSync(crl, '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n')
  look()
  t.equal(changes.length, 1)
  t.match(lines.at(-1), { error: `${crl} cannot be used` })
})

test('a file that is being written counts once it is whole', async t => {
  const directory = t.testdir({ 'ca.pem': one.certificatePem })
  const ca = join(directory, 'ca.pem')
  const { watch: watching, look, changes, lines } = watch(t, ca)
  look()
  const both = `${two.certificatePem}${one.certificatePem}`
  // The first of two authorities is good by itself: clients of the other would be turned away.
  for (const part of ['', two.certificatePem, both.slice(0, -100), both]) {
    writeFileSync(ca, part)
    watching.check()
  }
  t.strictSame([changes, lines], [[], []])
  watching.check()
  t.strictSame(changes, [[{ ca: both, crl: '' }, null]])
})

test('a file that changed before it was watched is seen', async t => {
  const directory = t.testdir({ 'ca.pem': one.certificatePem })
  const ca = join(directory, 'ca.pem')
  const { look, changes } = watch(t, ca, '', () => writeFileSync(ca, two.certificatePem))
  look()
  t.strictSame(changes, [[{ ca: two.certificatePem, crl: '' }, null]])
})

test('what will expire is told of in time, and lists on their last day', async t => {
  const directory = t.testdir({ 'ca.pem': one.certificatePem })
  const ca = join(directory, 'ca.pem')
  const crl = writeRevocations(directory, one, [])
  const { watch: watching, look, lines } = watch(t, ca, crl)
  const authorityEnd = new X509Certificate(one.certificatePem).validToDate.getTime()
  const listEnd = watching.expiry().get(crl)! * 1000
  t.equal(watching.expiry().get(ca), authorityEnd / 1000)
  t.ok(Math.abs(listEnd - Date.now() - 30 * DAY) < DAY)
  const told = () => lines.splice(0).map(({ msg }) => msg)
  watching.warnOfExpiry(new Date())
  t.strictSame(told(), [])
  watching.warnOfExpiry(new Date(listEnd - DAY / 2))
  watching.warnOfExpiry(new Date(listEnd - DAY / 3))
  t.strictSame(told(), ['revocation list is to be replaced soon'])
  watching.warnOfExpiry(new Date(listEnd + DAY / 2))
  t.strictSame(told(), ['revocation list is out of date: clients of its issuer are refused'])
  watching.warnOfExpiry(new Date(authorityEnd - DAY / 2))
  t.ok(told().includes('client authority expires soon'))
  watching.warnOfExpiry(new Date(authorityEnd + DAY / 2))
  t.ok(told().includes('client authority has expired: its clients are refused'))
  writeFileSync(ca, two.certificatePem)
  look()
  t.equal(
    watching.expiry().get(ca),
    new X509Certificate(two.certificatePem).validToDate.getTime() / 1000,
  )
})
