import { test } from 'tap'
import { DpopProofs } from '../../src/auth/dpop.ts'
import { refusals } from '../../src/core/refusals.ts'
import { ReplayTable } from '../../src/shared/replay-table.ts'
import { prove, type ProofOptions, thumbprintOf } from '../support/dpop.ts'
import { requestHead } from '../support/head.ts'
import { makeKey, type SigningKey } from '../support/tokens.ts'

const NOW = 1_800_000_000
const TOKEN = 'the-token'
const es = makeKey('ES256')
const rules = { window: 60, leeway: 30 }

function proofs(entries = 1024): DpopProofs {
  const memory = new SharedArrayBuffer(ReplayTable.bytes(entries))
  return new DpopProofs(new ReplayTable(memory, 0, entries), rules)
}

interface Request {
  readonly line?: string
  readonly isTls?: boolean
  readonly now?: number
  readonly thumbprint?: string
  readonly fields?: readonly string[]
}

async function judge(
  all: DpopProofs,
  proof: string | null,
  { line, isTls = true, now = NOW, thumbprint = thumbprintOf(es), fields = [] }: Request = {},
): Promise<string> {
  const own = proof === null ? [] : [`DPoP: ${proof}`]
  const head = requestHead([...own, ...fields], line)
  const verdict = await all.check(head, isTls, TOKEN, thumbprint, now)
  return verdict === 0 ? 'good' : refusals[verdict]![0]
}

function proof(options: Partial<ProofOptions> = {}, key: SigningKey = es): string {
  return prove(key, { now: NOW, token: TOKEN, ...options })
}

test('a proof of the key for just this request is good, once', async t => {
  const all = proofs()
  const one = proof()
  t.equal(await judge(all, one), 'good')
  t.equal(await judge(all, one), 'dpop-replayed')
  t.equal(await judge(all, proof()), 'good', 'another is another')
})

test('keys of all asymmetric algorithms will do', async t => {
  const all = proofs()
  for (const alg of ['RS256', 'PS256', 'ES384', 'ES512', 'EdDSA']) {
    const key = makeKey(alg)
    t.equal(await judge(all, proof({}, key), { thumbprint: thumbprintOf(key) }), 'good', alg)
  }
})

test('what is no proof is refused', async t => {
  const all = proofs()
  const whole = es.privateKey.export({ format: 'jwk' })
  const open = es.publicKey.export({ format: 'jwk' })
  const secret = { kty: 'oct', k: Buffer.alloc(32, 1).toString('base64url') }
  t.equal(await judge(all, proof()), 'good', 'the key is known from here on')
  t.equal(await judge(all, null), 'dpop-missing')
  t.equal(await judge(all, proof(), { fields: [`DPoP: ${proof()}`] }), 'dpop-malformed', 'two')
  for (const [what, text] of [
    ['text', 'abc'],
    ['four parts', `${proof()}.a`],
    ['padding', `${proof()}=`],
    ['another typ', proof({ header: { typ: 'JWT' } })],
    ['no typ', proof({ header: { typ: undefined } })],
    ['none', proof({ header: { alg: 'none' } })],
    ['HS256', proof({ header: { alg: 'HS256' } })],
    ['alg of another key', proof({ header: { alg: 'RS256' } })],
    ['no key', proof({ header: { jwk: undefined } })],
    ['the key as text', proof({ header: { jwk: 'x' } })],
    ['crit', proof({ header: { crit: ['x'] } })],
    ['no jti', proof({ claims: { jti: undefined } })],
    ['an empty jti', proof({ claims: { jti: '' } })],
    ['a jti without end', proof({ claims: { jti: 'x'.repeat(300) } })],
    ['no htm', proof({ claims: { htm: undefined } })],
    ['htu is a list', proof({ claims: { htu: [] } })],
    ['iat is text', proof({ claims: { iat: String(NOW) } })],
    ['too long', proof({ claims: { pad: 'x'.repeat(4096) } })],
    ['the private key', proof({ header: { jwk: whole } })],
    ['a key for encryption', proof({ header: { jwk: { ...open, use: 'enc' } } })],
    ['a key to sign with', proof({ header: { jwk: { ...open, key_ops: ['sign'] } } })],
  ] as const) {
    t.equal(await judge(all, text), 'dpop-malformed', what)
  }
  t.equal(await judge(all, proof({ header: { jwk: secret } })), 'dpop-mismatch', 'a secret')
})

test('a proof for anything else is refused', async t => {
  const all = proofs()
  for (const [what, text] of [
    ['another method', proof({ method: 'POST' })],
    ['the method in small letters', proof({ method: 'get' })],
    ['another path', proof({ url: 'https://a.test/b' })],
    ['another host', proof({ url: 'https://b.test/' })],
    ['another port', proof({ url: 'https://a.test:8443/' })],
    ['without TLS', proof({ url: 'http://a.test/' })],
    ['no URL', proof({ url: '/' })],
    ['a user', proof({ url: 'https://x@a.test/' })],
    ['another token', proof({ token: 'another' })],
    ['no token', proof({ claims: { ath: undefined } })],
    ['another key', proof({}, makeKey('ES256'))],
  ] as const) {
    t.equal(await judge(all, text), 'dpop-mismatch', what)
  }
})

test('a URL has several spellings', async t => {
  const all = proofs()
  for (const [url, line] of [
    ['https://a.test', 'GET / HTTP/1.1'],
    ['HTTPS://A.TEST:443/', 'GET / HTTP/1.1'],
    ['https://a.test/%7Euser', 'GET /~user HTTP/1.1'],
    ['https://a.test/x', 'GET /x?y=1 HTTP/1.1'],
    ['https://a.test/x?y=1#z', 'GET /x?y=2 HTTP/1.1'],
    ['https://a.test/a/../b', 'GET /b HTTP/1.1'],
  ] as const) {
    t.equal(await judge(all, proof({ url }), { line }), 'good', url)
  }
  const plain = proof({ url: 'http://a.test/' })
  t.equal(await judge(all, plain, { isTls: false }), 'good')
  t.equal(await judge(all, proof(), { isTls: false }), 'good', 'TLS may have ended in front of us')
})

test('a proof is good for a while', async t => {
  const all = proofs()
  for (const [iat, verdict] of [
    [NOW - 89, 'good'],
    [NOW - 90, 'dpop-stale'],
    [NOW + 30, 'good'],
    [NOW + 31, 'dpop-stale'],
  ] as const) {
    t.equal(await judge(all, proof({ claims: { iat } })), verdict, `${iat - NOW} s`)
  }
  const ahead = proof({ claims: { iat: NOW + 30 } })
  t.equal(await judge(all, ahead), 'good')
  t.equal(await judge(all, ahead, { now: NOW + 119 }), 'dpop-replayed', 'remembered that long')
  t.equal(await judge(all, ahead, { now: NOW + 120 }), 'dpop-stale')
})

test('a signature of something else is refused, and nothing of it is remembered', async t => {
  const all = proofs()
  const good = proof({ claims: { jti: 'same' } })
  const [head, body] = good.split('.') as [string, string]
  const other = proof({ claims: { jti: 'other' } }).split('.')[2]!
  for (const signature of [other, 'A'.repeat(86), 'AA']) {
    t.equal(await judge(all, `${head}.${body}.${signature}`), 'dpop-signature')
  }
  t.equal(await judge(all, `${head}.${body}.`), 'dpop-signature')
  t.equal(await judge(all, good), 'good')
})

test('where no proof can be remembered none counts', async t => {
  const all = proofs(8)
  const verdicts = []
  for (let i = 0; i < 10; i++) verdicts.push(await judge(all, proof()))
  t.strictSame(verdicts, [...Array.from({ length: 8 }, () => 'good'), 'auth-busy', 'auth-busy'])
})

test('the case of a host counts on neither side', async t => {
  const line = 'GET http://A.Test/ HTTP/1.1'
  t.equal(await judge(proofs(), proof({ url: 'http://a.test/' }), { line, isTls: false }), 'good')
  t.equal(await judge(proofs(), proof({ url: 'http://A.TEST' }), { line, isTls: false }), 'good')
})
