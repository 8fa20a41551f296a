/** Each way in which a token or the proof for it can be wrong, provoked and counted. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { ask } from '../support/ask.ts'
import { prove, type ProofOptions, thumbprintOf } from '../support/dpop.ts'
import { sayName, startHttpBackend } from '../support/http-backend.ts'
import { guardedBy, type Provocation, Provocations } from '../support/provocations.ts'
import { AUDIENCE, goodClaims, ISSUER, issue, keySetText, makeKey } from '../support/tokens.ts'
import { startWeir } from '../support/weir.ts'
import { wrongTokens } from '../support/wrong-tokens.ts'

const provocations = new Provocations('token')
const es = makeKey('ES256', 'es')
const rs = makeKey('RS256', 'rs')
const client = makeKey('ES256')
/** What a worker takes of a token. */
const LENGTH_MAX = 8192

const now = (): number => Math.floor(Date.now() / 1000)

async function start(t: Test) {
  const backend = await startHttpBackend(t, sayName('a'))
  const keys = join(t.testdir(), 'keys.json')
  writeFileSync(keys, keySetText(es, rs))
  const weir = await startWeir(
    t,
    guardedBy(
      ...['--listen', 'http://127.0.0.1:0', '--backend', backend.url, '--workers', '2'],
      ...['--jwt-issuer', ISSUER, '--jwt-audience', AUDIENCE, '--jwks', keys],
    ),
  )
  return { weir, port: weir.ports[0]!, backend }
}

async function verdict(port: number, ...fields: string[]): Promise<string> {
  const { status, reason } = await ask(port, ...fields)
  return `${status} ${reason}`.trim()
}

test('tokens, in each way in which they can be wrong', async t => {
  const { weir, port, backend } = await start(t)
  const wrong = Object.entries(wrongTokens(es, rs, now(), LENGTH_MAX)).map(
    ([reason, cases]): Provocation => [
      reason as Provocation[0],
      async times => {
        for (let i = 0; i < times; i++) {
          // What no field value may hold does not get as far as that.
          const tokens = cases.filter(([, token]) => /^[\x20-\x7e]+$/.test(token))
          const [what, token] = tokens[i % tokens.length]!
          t.equal(await verdict(port, `Authorization: Bearer ${token}`), `401 ${reason}`, what)
        }
      },
    ],
  )
  const encrypted = `${Buffer.from('{"alg":"dir","enc":"A256GCM"}').toString('base64url')}..a.b.c`
  await provocations.run(t, weir, ...wrong, [
    'token-encrypted',
    async times => {
      for (let i = 0; i < times; i++) {
        const said = await verdict(port, `Authorization: Bearer ${encrypted}`)
        t.equal(said, '401 token-encrypted')
      }
    },
  ])
  t.equal(backend.seen.length, 0)
})

test('proofs, in each way in which they can be wrong', async t => {
  const { weir, port, backend } = await start(t)
  const token = await issue(es, goodClaims(now(), { cnf: { jkt: thumbprintOf(client) } }))
  const proof = (change: Partial<ProofOptions> = {}, key = client): string =>
    prove(key, { now: now(), token, url: 'https://a/', ...change })
  const shown = (reason: Provocation[0], make: () => string | null): Provocation => [
    reason,
    async times => {
      for (let i = 0; i < times; i++) {
        const text = make()
        const fields = text === null ? [] : [`DPoP: ${text}`]
        const said = await verdict(port, `Authorization: DPoP ${token}`, ...fields)
        t.equal(said, `401 ${reason}`)
      }
    },
  ]
  const once = proof()
  t.equal(await verdict(port, `Authorization: DPoP ${token}`, `DPoP: ${once}`), '200')
  await provocations.run(
    t,
    weir,
    shown('dpop-missing', () => null),
    shown('dpop-malformed', () => 'a.b'),
    shown('dpop-malformed', () => proof({ header: { typ: 'JWT' } })),
    shown('dpop-mismatch', () => proof({ method: 'POST' })),
    shown('dpop-mismatch', () => proof({}, makeKey('ES256'))),
    shown('dpop-stale', () => proof({ claims: { iat: now() - 3600 } })),
    shown('dpop-signature', () => {
      const [head, body] = proof().split('.')
      return `${head}.${body}.${proof().split('.')[2]}`
    }),
    shown('dpop-replayed', () => once),
    [
      'token-binding',
      async times => {
        for (let i = 0; i < times; i++) {
          t.equal(await verdict(port, `Authorization: Bearer ${token}`), '401 token-binding')
        }
      },
    ],
  )
  t.equal(backend.seen.length, 1)
})

test('that was every one', t => {
  provocations.areAll(t)
  t.end()
})
