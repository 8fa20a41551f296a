import { test } from 'tap'
import { hash } from 'node:crypto'
import type { Identity } from '../../src/auth/identity.ts'
import { factsOf } from '../../src/proxy/identity-facts.ts'
import { wordsText } from '../../src/shared/talkers.ts'

function identity(more: Partial<Identity> = {}): Identity {
  return {
    scheme: 'api-key',
    subject: 'billing',
    client: 'billing',
    scopes: ['read', 'write'],
    claims: {},
    keyId: 'k1',
    expiresAt: Infinity,
    ...more,
  }
}

test('backend and log are told what there is', async t => {
  const subject = hash('sha256', 'billing', 'hex').slice(0, 16)
  t.match(factsOf(identity()), {
    lines:
      'X-Weir-Auth: api-key\r\nX-Weir-Subject: billing\r\nX-Weir-Client: billing\r\nX-Weir-Scopes: read write\r\n',
    json: `,"auth":"api-key","key":"k1","subject":"${subject}"`,
    user: subject,
  })
  t.match(factsOf(identity({ subject: '', client: '', scopes: [], keyId: '' })), {
    lines: 'X-Weir-Auth: api-key\r\n',
    json: ',"auth":"api-key"',
    user: '-',
  })
})

test('no subject can end its line, or pass for another one', async t => {
  const line = (subject: string) =>
    /X-Weir-Subject: (.*)\r\n/.exec(factsOf(identity({ subject })).lines)![1]
  t.equal(line('a\r\nX-Weir-Scopes: all'), 'a%0D%0AX-Weir-Scopes:%20all')
  t.equal(line('ä€'), '%C3%A4%E2%82%AC')
  t.equal(line('a%20b'), 'a%2520b')
  t.equal(line(' a '), '%20a%20')
  t.equal(line('a|b@c.test!~'), 'a|b@c.test!~')
  for (const { lines, json } of [
    factsOf(identity({ client: 'x\r\ny', scopes: ['a\r\nb'], keyId: '"\n' })),
  ]) {
    t.match(lines, /^(?:[A-Za-z-]+: [\x20-\x7e]+\r\n){4}$/)
    t.ok(JSON.parse(`{"x":1${json}}`))
  }
})

test('an identity is looked at once', async t => {
  const one = identity()
  t.equal(factsOf(one), factsOf(one))
})

test('keys of a name and tokens of a subject count as one, others do not', async t => {
  const words = (more: Partial<Identity>) => [...factsOf(identity(more)).words]
  t.strictSame(words({ keyId: 'k1' }), words({ keyId: 'k2', scopes: [] }))
  const others: Partial<Identity>[] = [
    {},
    { subject: 'other' },
    { scheme: 'jwt' },
    { scheme: 'jwt', claims: { iss: 'https://a.test' } },
    { subject: '', client: 'billing' },
    { subject: '', client: 'other' },
  ]
  t.equal(new Set(others.map(more => words(more).join())).size, others.length)
  t.equal(words({})[0], 0x0100_0000, 'where no client comes from')
})

test('certificates without a name are not one client', async t => {
  const words = (keyId: string) =>
    factsOf(identity({ scheme: 'mtls', subject: '', client: '', keyId })).words
  t.not(words('a').join(), words('b').join())
  t.equal(words('a').join(), words('a').join())
})

test('among those who ask most a key has its id, a subject the hash the log has', async t => {
  const talker = (more: Partial<Identity>) => wordsText(factsOf(identity(more)).talker)
  const subject = hash('sha256', 'billing', 'hex').slice(0, 16)
  t.equal(talker({}), 'api-key k1')
  t.equal(talker({ scheme: 'jwt' }), `jwt ${subject}`)
  t.equal(talker({ scheme: 'mtls', subject: '', client: '', keyId: 'f00d' }), 'mtls f00d')
})
