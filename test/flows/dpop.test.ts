/** Tokens that are bound to a key, at a real weir. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { ask } from '../support/ask.ts'
import { prove, thumbprintOf } from '../support/dpop.ts'
import { sayName, startHttpBackend } from '../support/http-backend.ts'
import { AUDIENCE, goodClaims, ISSUER, issue, keySetText, makeKey } from '../support/tokens.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

const issuer = makeKey('ES256', 'issuer')
const client = makeKey('ES256')

async function start(t: Test) {
  const backend = await startHttpBackend(t, sayName('a'))
  const keys = join(t.testdir(), 'keys.json')
  writeFileSync(keys, keySetText(issuer))
  const weir = await startWeir(
    t,
    withoutLimits(
      ...['--listen', 'http://127.0.0.1:0', '--backend', backend.url, '--workers', '3'],
      ...['--request-rate', '0', '--auth-failure-rate', '0', '--credential', 'remove'],
      ...['--jwt-issuer', ISSUER, '--jwt-audience', AUDIENCE, '--jwks', keys],
    ),
  )
  const now = Math.floor(Date.now() / 1000)
  const bound = await issue(issuer, goodClaims(now, { cnf: { jkt: thumbprintOf(client) } }))
  const free = await issue(issuer, goodClaims(now))
  const fieldsOf = (token: string, proof: string): string[] => [
    `Authorization: DPoP ${token}`,
    `DPoP: ${proof}`,
  ]
  const verdict = async (...fields: string[]): Promise<string> => {
    const { status, reason } = await ask(weir.ports[0]!, ...fields)
    return `${status} ${reason}`.trim()
  }
  const proofFor = (token: string): string => prove(client, { now, token, url: 'https://a/' })
  return { backend, weir, bound, free, fieldsOf, verdict, proofFor }
}

test('with a proof the token is good, without it is not, whatever it is called', async t => {
  const { backend, weir, bound, free, fieldsOf, verdict, proofFor } = await start(t)
  t.equal(await verdict(...fieldsOf(bound, proofFor(bound))), '200')
  t.strictSame(
    [backend.seen[0]!.headers.authorization, backend.seen[0]!.headers['dpop']],
    [undefined, undefined],
  )
  t.match(backend.seen[0]!.headers, { 'x-weir-subject': 'someone' })
  t.equal(await verdict(`Authorization: Bearer ${bound}`), '401 token-binding')
  const downgraded = [`Authorization: Bearer ${bound}`, `DPoP: ${proofFor(bound)}`]
  t.equal(await verdict(...downgraded), '401 token-binding')
  t.equal(await verdict(`Authorization: DPoP ${bound}`), '401 dpop-missing')
  t.equal(await verdict(...fieldsOf(bound, proofFor(free))), '401 dpop-mismatch')
  t.equal(await verdict(...fieldsOf(free, proofFor(free))), '401 token-binding')
  t.equal(await verdict(`Authorization: Bearer ${free}`), '200')
  t.equal(backend.seen.length, 2)
  const { head } = await ask(weir.ports[0]!, `Authorization: DPoP ${bound}`)
  t.match(
    head,
    /WWW-Authenticate: DPoP realm="weir", error="invalid_dpop_proof", algs="RS256 [^"]*"\r\nWWW-Authenticate: Bearer realm="weir"\r\n/,
  )
  const wrong = await ask(weir.ports[0]!, `Authorization: DPoP ${bound.slice(0, -4)}AAAA`)
  t.equal(wrong.reason, 'token-signature')
  t.match(wrong.head, /WWW-Authenticate: DPoP realm="weir", error="invalid_token", algs="RS256 /)
})

test('a proof counts once, whichever workers it is shown to', async t => {
  const { backend, bound, fieldsOf, verdict, proofFor } = await start(t)
  for (let round = 1; round <= 5; round++) {
    const fields = fieldsOf(bound, proofFor(bound))
    const verdicts = await Promise.all(
      Array.from({ length: 20 }, async () => await verdict(...fields)),
    )
    const others = verdicts.filter(each => each !== '200')
    t.strictSame([...new Set(others)], ['401 dpop-replayed'])
    t.equal(others.length, 19)
    t.equal(backend.seen.length, round)
  }
})
