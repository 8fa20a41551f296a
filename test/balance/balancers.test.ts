import { test } from 'tap'
import type { Balancer } from '../../src/balance/balancer.ts'
import { type BalancerName, balancers } from '../../src/balance/balancers.ts'
import { Candidates } from '../../src/balance/candidates.ts'
import { BackendTable, DOWN, UP, WEIGHT_SCALE } from '../../src/shared/backend-table.ts'

const NONE = new Int32Array(0)

function pool(weights: readonly number[]) {
  const bytes = BackendTable.bytes(weights.length, 1)
  const table = new BackendTable(new SharedArrayBuffer(bytes), 0, weights.length, 1)
  for (const [i, weight] of weights.entries()) {
    table.setState(i, UP)
    table.setWeight(i, weight * WEIGHT_SCALE)
  }
  return { table, candidates: new Candidates(table, 0, weights.length, null) }
}

function nameOf(_: number, i: number): string {
  return `10.0.0.${i}:80`
}

/** Connections per backend after `count` came and stayed. */
function fill(name: BalancerName, weights: readonly number[], count: number): number[] {
  const { table, candidates } = pool(weights)
  const balancer: Balancer = new balancers[name](table, weights.map(nameOf))
  for (let i = 0; i < count; i++) {
    candidates.collect(0, NONE, 0)
    table.enter(balancer.choose(candidates, i * 2_654_435_761), 0)
  }
  return weights.map((_, i) => table.active(i))
}

test('least-connections and round-robin follow the weights exactly', async t => {
  t.strictSame(fill('least-connections', [1, 1, 1], 30), [10, 10, 10])
  t.strictSame(fill('least-connections', [1, 2], 30), [10, 20])
  t.strictSame(fill('round-robin', [1, 2, 3], 60), [10, 20, 30])
})

test('round-robin does not send in bursts', async t => {
  const { table, candidates } = pool([5, 1, 1])
  const balancer = new balancers['round-robin'](table)
  const turns = Array.from({ length: 7 }, () => {
    candidates.collect(0, NONE, 0)
    return balancer.choose(candidates)
  })
  t.strictSame(turns, [0, 0, 1, 0, 2, 0, 0])
})

test('ties take turns under least-connections', async t => {
  const { table, candidates } = pool([1, 1, 1])
  const balancer = new balancers['least-connections'](table)
  const turns = Array.from({ length: 6 }, () => {
    candidates.collect(0, NONE, 0)
    return balancer.choose(candidates)
  })
  t.equal(new Set(turns).size, 3)
})

test('random-two-choices and source-hash come near the weights', async t => {
  for (const name of ['random-two-choices', 'source-hash'] as const) {
    const [a, b] = fill(name, [1, 3], 4000) as [number, number]
    t.ok(a > 700 && a < 1300, `${name}: ${a} and ${b} of 4000, wanted 1000 and 3000`)
  }
})

test('under source-hash a client stays, and a backend that leaves moves only its own', async t => {
  const { table, candidates } = pool([1, 1, 1, 1])
  const balancer = new balancers['source-hash'](table, ['a:1', 'b:1', 'c:1', 'd:1'])
  const choose = (source: number) => {
    candidates.collect(0, NONE, 0)
    return balancer.choose(candidates, source)
  }
  const sources = Array.from({ length: 1000 }, (_, i) => i * 7919)
  const before = sources.map(choose)
  t.strictSame(sources.map(choose), before)
  table.setState(2, DOWN)
  for (const [i, source] of sources.entries()) {
    if (before[i] === 2) t.not(choose(source), 2)
    else t.equal(choose(source), before[i])
  }
})

test('under source-hash it is the name that counts, not the place in the list', async t => {
  const sources = Array.from({ length: 1000 }, (_, i) => i * 7919)
  const chosen = (names: readonly string[]): (string | undefined)[] => {
    const { table, candidates } = pool(names.map(() => 1))
    const balancer = new balancers['source-hash'](table, names)
    return sources.map(source => {
      candidates.collect(0, NONE, 0)
      return names[balancer.choose(candidates, source)]
    })
  }
  const before = chosen(['a:1', 'b:1', 'c:1'])
  t.strictSame(chosen(['c:1', 'a:1', 'b:1']), before)
  const after = chosen(['new:1', 'a:1', 'b:1', 'c:1'])
  const moved = after.filter((name, i) => name !== before[i])
  t.ok(
    moved.every(name => name === 'new:1'),
    'one that is added takes its share and no other moves',
  )
  t.ok(moved.length > 180 && moved.length < 320, `${moved.length} of 1000 moved`)
})
