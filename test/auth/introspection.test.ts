import { test } from 'tap'
import {
  ASKING_MAX,
  INACTIVE_SECONDS,
  Introspection,
  type IntrospectionRules,
} from '../../src/auth/introspection.ts'
import type { JsonObject } from '../../src/codec/strict-json.ts'
import { refusals } from '../../src/core/refusals.ts'

const NOW = 1_800_000_000
const RULES: IntrospectionRules = {
  audiences: ['weir.example'],
  activeSeconds: 60,
  graceSeconds: 0,
  leewaySeconds: 30,
  lengthMax: 200,
  cache: { tokens: 5, characters: 1000 },
}
const ACTIVE = { active: true, sub: 'someone', client_id: 'app', scope: 'a b' }

type Answer = JsonObject | number | Error | Promise<JsonObject>

function scheme(
  answer: Answer | ((token: string) => Answer),
  rules: Partial<IntrospectionRules> = {},
) {
  const asked: string[] = []
  const told: string[] = []
  const answering = { answer }
  const introspection = new Introspection(
    async token => {
      asked.push(token)
      const { answer } = answering
      const given = typeof answer === 'function' ? answer(token) : answer
      if (given instanceof Error) throw given
      return await given
    },
    { ...RULES, ...rules },
    {
      onAnswer: outcome => told.push(outcome),
      onDown: cause => told.push(`down: ${cause}`),
      onUp: () => told.push('up'),
    },
  )
  return { introspection, asked, told, answering }
}

async function judge(introspection: Introspection, token: string, now = NOW): Promise<string> {
  const verdict = await introspection.check(token, now)
  return typeof verdict === 'number' ? refusals[verdict]![0] : `good: ${verdict.subject}`
}

test('an active token is its subject, and is not asked about again for a while', async t => {
  const { introspection, asked, told } = scheme(ACTIVE)
  t.equal(await judge(introspection, 'abc'), 'good: someone')
  t.match(introspection.check('abc', NOW + 59), {
    scheme: 'introspection',
    subject: 'someone',
    client: 'app',
    scopes: ['a', 'b'],
    expiresAt: Number.POSITIVE_INFINITY,
  })
  t.equal(asked.length, 1)
  await judge(introspection, 'abc', NOW + 60)
  t.equal(asked.length, 2)
  t.strictSame(told, ['active', 'active'])
})

test('what is remembered ends with the token', async t => {
  const { introspection, asked } = scheme({ ...ACTIVE, exp: NOW + 10 }, { graceSeconds: 1000 })
  await judge(introspection, 'abc')
  t.equal(await judge(introspection, 'abc', NOW + 9), 'good: someone')
  t.equal(asked.length, 1)
  t.equal(await judge(introspection, 'abc', NOW + 10), 'token-expired')
  t.equal(asked.length, 2)
  t.equal(introspection.size, 0)
})

test('no is remembered for a moment', async t => {
  const { introspection, asked, answering } = scheme({ active: false, sub: 'someone' })
  t.equal(await judge(introspection, 'abc'), 'token-inactive')
  answering.answer = ACTIVE
  t.equal(await judge(introspection, 'abc', NOW + INACTIVE_SECONDS - 1), 'token-inactive')
  t.equal(asked.length, 1)
  t.equal(await judge(introspection, 'abc', NOW + INACTIVE_SECONDS + 1), 'good: someone')
})

test('a token that is revoked is refused as soon as it is asked about again', async t => {
  const { introspection, answering } = scheme(ACTIVE, { graceSeconds: 1000 })
  await judge(introspection, 'abc')
  answering.answer = { active: false }
  t.equal(await judge(introspection, 'abc', NOW + 61), 'token-inactive')
  answering.answer = new Error('down')
  t.equal(await judge(introspection, 'abc', NOW + 70), 'introspection-down', 'and has no grace')
})

test('many requests with one token are one question', async t => {
  const { promise, resolve } = Promise.withResolvers<JsonObject>()
  const { introspection, asked } = scheme(promise)
  const verdicts = Array.from({ length: 100 }, async () => await judge(introspection, 'abc'))
  t.equal(asked.length, 1)
  resolve(ACTIVE)
  t.strictSame([...new Set(await Promise.all(verdicts))], ['good: someone'])
})

test('questions at once are bounded', async t => {
  const { promise, resolve } = Promise.withResolvers<JsonObject>()
  const { introspection, asked } = scheme(promise)
  const verdicts = Array.from({ length: ASKING_MAX + 3 }, async (_, i) => {
    return await judge(introspection, `t${i}`)
  })
  resolve(ACTIVE)
  const told = await Promise.all(verdicts)
  t.equal(asked.length, ASKING_MAX)
  t.equal(told.filter(each => each === 'auth-busy').length, 3)
  t.equal(await judge(introspection, 'later'), 'good: someone')
})

test('made-up tokens push no good one out', async t => {
  const { introspection, asked } = scheme(token => (token === 'good' ? ACTIVE : { active: false }))
  await judge(introspection, 'good')
  for (let i = 0; i < 100; i++) await judge(introspection, `bad${i}`)
  t.equal(introspection.size, 1)
  t.equal(await judge(introspection, 'good'), 'good: someone')
  t.equal(asked.length, 101)
})

test('what was remembered is bounded', async t => {
  const { introspection } = scheme(ACTIVE)
  for (let i = 0; i < 20; i++) await judge(introspection, `t${i}`)
  t.equal(introspection.size, 5)
  for (let i = 0; i < 20; i++) await judge(introspection, `${i}${'x'.repeat(180)}`)
  t.equal(introspection.size, 5)
  const none = scheme(ACTIVE, { activeSeconds: 0 })
  await judge(none.introspection, 'abc')
  await judge(none.introspection, 'abc')
  t.equal(none.asked.length, 2, 'nothing is, if it is not asked for')
})

test('a server that fails is spared, and nobody is let in meanwhile', async t => {
  const { introspection, asked, told } = scheme(new Error('is broken'))
  for (let i = 0; i < 20; i++) t.equal(await judge(introspection, `t${i}`), 'introspection-down')
  t.equal(asked.length, 5)
  t.strictSame(told.at(-1), 'down: is broken')
})

test('tokens that the server does not look at take nobody else’s answer away', async t => {
  const { introspection, asked, told, answering } = scheme(400)
  for (let i = 0; i < 9; i++) t.equal(await judge(introspection, `t${i}`), 'introspection-down')
  t.equal(asked.length, 5, 'weir may not know how to ask it')

  const other = scheme(token => (token === 'good' ? ACTIVE : 400))
  t.equal(await judge(other.introspection, 'good'), 'good: someone')
  for (let i = 0; i < 20; i++) {
    t.equal(await judge(other.introspection, `odd${i}`), 'introspection-down')
  }
  t.equal(other.asked.length, 21)
  t.notMatch(other.told.join(), 'down:')
  other.answering.answer = new Error('is broken')
  for (let i = 0; i < 9; i++) await judge(other.introspection, `more${i}`)
  t.equal(other.asked.length, 26, 'it is spared all the same when it breaks')
  t.strictSame([told.at(-1), answering.answer], ['down: answers 400', 400])
})

test('who was let in lately stays so while the server is down, where that is allowed', async t => {
  const { introspection, answering } = scheme(ACTIVE, { graceSeconds: 100 })
  await judge(introspection, 'abc')
  answering.answer = new Error('down')
  t.equal(await judge(introspection, 'abc', NOW + 159), 'good: someone')
  t.equal(await judge(introspection, 'new', NOW + 159), 'introspection-down')
  for (let i = 0; i < 9; i++) await judge(introspection, 'new', NOW + 159)
  t.equal(await judge(introspection, 'abc', NOW + 159), 'good: someone', 'the breaker open too')
  t.equal(await judge(introspection, 'abc', NOW + 160), 'introspection-down')
})

test('answers that say nothing are failures', async t => {
  for (const answer of [{}, { active: 'true' }, { active: 1 }, { sub: 'someone' }]) {
    const { introspection, told } = scheme(answer)
    t.equal(await judge(introspection, 'abc'), 'introspection-down')
    t.strictSame(told, ['failed'])
  }
})

test('what the server says of the token is held against the rules', async t => {
  for (const [answer, verdict] of [
    [{ ...ACTIVE, exp: NOW }, 'token-expired'],
    [{ ...ACTIVE, nbf: NOW + 31 }, 'token-early'],
    [{ ...ACTIVE, iat: NOW + 31 }, 'token-from-future'],
    [{ ...ACTIVE, nbf: NOW + 30, iat: NOW + 30 }, 'good: someone'],
    [{ ...ACTIVE, exp: NOW + 1 }, 'good: someone'],
    [{ ...ACTIVE, exp: 'x' }, 'token-claim'],
    [{ ...ACTIVE, sub: 7 }, 'token-claim'],
    [{ ...ACTIVE, aud: 'other' }, 'token-audience'],
    [{ ...ACTIVE, aud: ['other', 'weir.example'] }, 'good: someone'],
    [{ ...ACTIVE, cnf: { x: 'y' } }, 'token-binding'],
  ] as const) {
    const { introspection, asked } = scheme(answer)
    t.equal(await judge(introspection, 'abc'), verdict)
    t.equal(
      await judge(introspection, 'abc'),
      verdict,
      'and for the same reason while it is remembered',
    )
    t.equal(asked.length, 1)
  }
})

test('what can be no token is not sent anywhere', async t => {
  const { introspection, asked } = scheme(ACTIVE)
  for (const token of ['a b', 'a=b', 'a"', 'ä', '=', 'a\tb', 'a%20']) {
    t.equal(await judge(introspection, token), 'token-malformed', token)
  }
  t.equal(await judge(introspection, 'x'.repeat(201)), 'token-oversized')
  t.equal(asked.length, 0)
  t.equal(await judge(introspection, 'aZ09-._~+/=='), 'good: someone')
})
