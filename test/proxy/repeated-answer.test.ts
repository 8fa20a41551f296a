import { test } from 'tap'
import { ErrorPages } from '../../src/proxy/error-pages.ts'
import { type Answer, writeAnswerBody, writeAnswerHead } from '../../src/proxy/http-answer.ts'
import { type AnswerFacts, RepeatedAnswer } from '../../src/proxy/repeated-answer.ts'

const PAGES = new ErrorPages([])
const DATE = 'today'
const ANSWER: Answer = { status: 429, reason: 'request-rate', requestId: 'abc-0001', html: false }
const FACTS: AnswerFacts = { keepAlive: true, minor: 1, wait: 3, lines: 'RateLimit: x\r\n' }

/** All but the date, as it is written without a repetition. */
function written(answer: Answer, facts: AnswerFacts): { head: string; body: string } {
  const body = writeAnswerBody(answer, PAGES)
  const head = writeAnswerHead(answer, { ...facts, bodyLength: body.length })
  return { head: head.replace(/Date: [^\r]*/, 'Date: today'), body }
}

function said(
  repeated: RepeatedAnswer,
  answer = ANSWER,
  facts = FACTS,
  date = DATE,
): string | null {
  return repeated.find(answer, facts, date)?.toString('latin1') ?? null
}

function remembered(answer = ANSWER, facts = FACTS): RepeatedAnswer {
  const { head, body } = written(answer, facts)
  return new RepeatedAnswer(answer, facts, DATE, head, body)
}

test('an answer that says the same is the same but for its id', async t => {
  const next = { ...ANSWER, requestId: 'abc-0002' }
  const { head, body } = written(next, FACTS)
  const repeated = remembered()
  t.equal(said(repeated, next, { ...FACTS }), head + body)
  t.equal(repeated.bodyLength, body.length)
})

test('one that says anything else is not', async t => {
  const repeated = remembered()
  const others: [Partial<Answer>, Partial<AnswerFacts>, string?][] = [
    [{ status: 503 }, {}],
    [{ reason: 'prefix-request-rate' }, {}],
    [{ html: true }, {}],
    [{ requestId: 'abc-00021' }, {}],
    [{}, { keepAlive: false }],
    [{}, { minor: 0 }],
    [{}, { wait: 4 }],
    [{}, { lines: 'RateLimit: y\r\n' }],
    [{}, {}, 'tomorrow'],
  ]
  for (const [answer, facts, date = DATE] of others) {
    const text = said(repeated, { ...ANSWER, ...answer }, { ...FACTS, ...facts }, date)
    t.equal(text, null, JSON.stringify([answer, facts, date]))
  }
  t.not(said(repeated), null)
})

test('an id that must be escaped, or is found elsewhere, is written the long way', async t => {
  const repeated = remembered()
  t.equal(said(repeated, { ...ANSWER, requestId: 'abc"0002' }), null)
  const next = { ...ANSWER, requestId: 'abc-0003' }
  const { head, body } = written(next, FACTS)
  t.equal(said(repeated, next), head + body, 'and leaves nothing of itself')
  t.equal(said(repeated, { ...ANSWER, requestId: 'abc\u0130002' }), null)
  t.equal(said(remembered({ ...ANSWER, requestId: '429' })), null)
  const named = remembered({ ...ANSWER, requestId: 'abc"0001' })
  t.equal(said(named), null)
  const common = { ...ANSWER, requestId: 'e' }
  t.equal(said(remembered(common), common), null)
})
