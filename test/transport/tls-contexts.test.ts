import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { deriveTicketKey, rotateTicketSecrets } from '../../src/transport/tickets.ts'
import { TlsContexts, type TlsContextOptions } from '../../src/transport/tls-contexts.ts'
import { type TestCertificate, testAuthority } from '../support/certificates.ts'

const OPTIONS: TlsContextOptions = {
  listener: 'a',
  profile: 'intermediate',
  strictSni: false,
  ticketRotationMs: 3_600_000,
}

function pem({ cert, key }: TestCertificate) {
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
}

test('the certificate is chosen by name: exact, wildcard of one label, else the first', async t => {
  const ca = testAuthority(t)
  const contexts = new TlsContexts(OPTIONS)
  const secrets = rotateTicketSecrets([])
  contexts.load(
    [
      pem(ca.issue('default', ['default.test'])),
      pem(ca.issue('wild', ['*.example.test'])),
      pem(ca.issue('exact', ['www.example.test'])),
    ],
    secrets,
  )
  const [first, wild, exact] = ['default.test', 'x.example.test', 'www.example.test'].map(name =>
    contexts.pick(name, ''),
  )
  t.equal(new Set([first, wild, exact]).size, 3)
  t.equal(contexts.pick('', ''), first)
  t.equal(contexts.pick('unknown.test', ''), first)
  t.equal(contexts.pick('a.b.example.test', ''), first, 'a star is one label')
  t.equal(contexts.pick('example.test', ''), first)
})

test('--strict-sni has no certificate for a name it does not know, or none', async t => {
  const contexts = new TlsContexts({ ...OPTIONS, strictSni: true })
  contexts.load([pem(testAuthority(t).issue('a', ['a.test']))], rotateTicketSecrets([]))
  t.not(contexts.pick('a.test', ''), null)
  t.equal(contexts.pick('b.test', ''), null)
  t.equal(contexts.pick('', ''), null)
})

test('of two certificates for a name the one named first stays', async t => {
  const ca = testAuthority(t)
  const contexts = new TlsContexts(OPTIONS)
  contexts.load(
    [pem(ca.issue('a', ['a.test'])), pem(ca.issue('b', ['a.test', 'b.test']))],
    rotateTicketSecrets([]),
  )
  t.not(contexts.pick('a.test', ''), contexts.pick('b.test', ''))
})

test("a client's ticket brings the context that can read it", async t => {
  const contexts = new TlsContexts(OPTIONS)
  const certificate = pem(testAuthority(t).issue('a', ['a.test']))
  const secrets = rotateTicketSecrets(rotateTicketSecrets([]))
  contexts.load([certificate], secrets)
  const { createHash } = await import('node:crypto')
  const label = `a ${createHash('sha256').update(certificate.cert).digest('hex')}`
  const names = secrets.map(secret => deriveTicketKey(secret, label).name)
  const [current, previous] = names.map(name => contexts.pick('a.test', name))
  t.not(current, previous)
  t.equal(contexts.pick('a.test', ''), current, 'no ticket: the newest key')
  t.equal(contexts.pick('a.test', 'ff'), current, 'a stranger: the newest key')
  const isOurs = (name: string): boolean => {
    contexts.pick('a.test', name)
    return contexts.isTicketOurs
  }
  t.strictSame([...names, 'ff', ''].map(isOurs), [true, true, false, false])
  contexts.pick('a.test', names[1]!)
  contexts.load([], secrets)
  t.equal(contexts.pick('a.test', names[1]!), null)
  t.notOk(contexts.isTicketOurs, 'nothing covers the name')
})

test('a pair that cannot be used changes nothing', async t => {
  const ca = testAuthority(t)
  const contexts = new TlsContexts(OPTIONS)
  const good = pem(ca.issue('a', ['a.test']))
  contexts.load([good], rotateTicketSecrets([]))
  const before = contexts.pick('a.test', '')
  const other = pem(ca.issue('b', ['b.test']))
  t.throws(() => contexts.load([{ cert: good.cert, key: other.key }], rotateTicketSecrets([])))
  t.equal(contexts.pick('a.test', ''), before)
})
