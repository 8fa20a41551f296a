import { test } from 'tap'
import { RetryBudget } from '../../src/balance/retry-budget.ts'

function takeAll(budget: RetryBudget, nowMs: number): number {
  let taken = 0
  while (taken < 1000 && budget.take(nowMs)) taken++
  return taken
}

test('a few retries are there without any request, and come back with time', async t => {
  const budget = new RetryBudget(20)
  t.equal(takeAll(budget, 0), 10)
  t.notOk(budget.take(500), 'not a tenth of ten seconds yet')
  t.equal(takeAll(budget, 3000), 3)
  t.equal(takeAll(budget, 100_000), 10, 'ten at most')
})

test('requests earn a share of a retry each', async t => {
  const budget = new RetryBudget(20)
  for (let i = 0; i < 100; i++) budget.deposit()
  const taken = takeAll(budget, 0)
  t.ok(
    taken >= 29 && taken <= 30,
    `${taken} of 100 requests: 20, and the ten that are always there`,
  )
})

test('a long quiet time is no licence for a storm', async t => {
  const budget = new RetryBudget(100)
  for (let i = 0; i < 100_000; i++) budget.deposit()
  t.equal(takeAll(budget, 0), 110)
})

test('a budget of nothing leaves the few', async t => {
  const budget = new RetryBudget(0)
  for (let i = 0; i < 1000; i++) budget.deposit()
  t.equal(takeAll(budget, 0), 10)
})
