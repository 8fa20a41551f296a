/** The examples of RFC 7515, 7519, 7520 and 8037: their signatures, and what becomes of them as tokens. */
import { type Test, test } from 'tap'
import { IssuerKeys } from '../../src/auth/issuer-keys.ts'
import { Jwt } from '../../src/auth/jwt.ts'
import { KeySet, readKeySet } from '../../src/auth/key-set.ts'
import type { VerifyKey } from '../../src/auth/verify-key.ts'
import { refusals } from '../../src/core/refusals.ts'
import { vectors } from '../support/http1.ts'

interface TokenVector {
  readonly name: string
  readonly jwk: Readonly<Record<string, unknown>>
  readonly token: string
  /** good, the name of a rejection, or that the key will not do. */
  readonly verdict: string
}

const all = vectors<TokenVector>('tokens')
/** Seconds since 1970, a moment before the tokens of "joe" end. */
const THEN = 1_300_819_379

function keyOf(jwk: object): VerifyKey | undefined {
  const set = readKeySet(JSON.stringify({ keys: [jwk] }), { secrets: true, algorithms: [] })
  return typeof set === 'string' ? undefined : set.keys[0]
}

async function verifies(key: VerifyKey, token: string): Promise<boolean> {
  const end = token.lastIndexOf('.')
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const signed = Buffer.from(token.slice(0, end))
  const signature = Buffer.from(token.slice(end + 1), 'base64url')
  key.verify({ signed, signature }, resolve)
  return await promise
}

test('the signatures of the RFCs are right, and wrong with a bit changed', async t => {
  const signed = all.filter(({ verdict }) => ['good', 'token-not-json'].includes(verdict))
  t.equal(signed.length, 9)
  for (const { name, jwk, token } of signed) {
    const key = keyOf(jwk)
    if (key === undefined) {
      t.fail(`${name}: no key`)
      continue
    }
    t.ok(await verifies(key, token), name)
    await wrongOnceChanged(t, key, token, name)
  }
})

async function wrongOnceChanged(
  t: Test,
  key: VerifyKey,
  token: string,
  name: string,
): Promise<void> {
  t.notOk(await verifies(key, `${token[0] === 'e' ? 'f' : 'e'}${token.slice(1)}`), name)
  const at = token.lastIndexOf('.') + 3
  const other = token[at] === 'A' ? 'B' : 'A'
  t.notOk(await verifies(key, token.slice(0, at) + other + token.slice(at + 1)), name)
}

for (const { name, jwk, token, verdict } of all) {
  test(`${name}: ${verdict}`, async t => {
    const key = keyOf(jwk)
    t.equal(key === undefined, verdict === 'no key')
    if (key === undefined) return
    const issuer = new IssuerKeys(() => {})
    issuer.replace(new KeySet([key]))
    issuer.looked(60_000)
    const jwt = new Jwt(new Map([['joe', issuer]]), {
      audiences: [],
      type: 'any',
      leewaySeconds: 0,
      lengthMax: 4096,
      cache: { tokens: 1, characters: 4096 },
    })
    const found = await jwt.check(token, THEN)
    t.equal(typeof found === 'number' ? refusals[found]![0] : 'good', verdict)
    if (verdict !== 'good') return
    t.strictSame(typeof found === 'object' && found.claims, {
      iss: 'joe',
      exp: 1_300_819_380,
      'http://example.com/is_root': true,
    })
    const late = await jwt.check(token, THEN + 1)
    t.equal(typeof late === 'number' && refusals[late]![0], 'token-expired')
  })
}
