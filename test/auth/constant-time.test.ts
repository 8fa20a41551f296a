/**
 * Whether the time a rejected key takes tells how much of it is right: measured, against a compare that does tell.
 *
 * Two kinds of wrong keys are judged in turns: some that begin as a stored one does, almost to the end, and some that
 * differ from its first character on. What disturbs the machine disturbs both, and the middle of many differences
 * is not moved by the few that were hit alone.
 */
import { randomBytes } from 'node:crypto'
import { test } from 'tap'
import { ApiKeys } from '../../src/auth/api-key.ts'
import { hashKey, makeKey } from '../../src/auth/api-key-form.ts'
import { refusal } from '../../src/core/refusals.ts'
import { keySet, storedKey } from '../support/api-keys.ts'

const KINDS = 64
const TURNS = 2400
const CALLS = 64
const UNKNOWN = refusal('key-unknown')

const secret = randomBytes(32)
const stored = makeKey(secret)
/** All but the last bits of the secret are right: so are the first 40 characters of 43. */
const near = Array.from({ length: KINDS }, (_, i) => {
  const random = Buffer.from(secret)
  random[31] = secret[31]! ^ (i + 1)
  return makeKey(random)
})
const far = Array.from({ length: KINDS }, (_, i) => {
  const random = randomBytes(32)
  random[0] = secret[0]! ^ (i + 1)
  return makeKey(random)
})

/** Nanoseconds that a near key takes longer than a far one: the median of many turns. */
function leak(judge: (key: string) => boolean): number {
  const differences: number[] = []
  const time = (keys: readonly string[], from: number): number => {
    const startMs = performance.now()
    for (let i = 0; i < CALLS; i++) {
      if (judge(keys[(from + i) % KINDS]!)) throw new Error('a wrong key was let in')
    }
    return performance.now() - startMs
  }
  for (let turn = 0; turn < TURNS; turn++) {
    // Now the one first, now the other: whoever comes second finds the caches warm.
    const nearFirst = turn % 2 === 0
    const first = time(nearFirst ? near : far, turn)
    const second = time(nearFirst ? far : near, turn)
    // The first turns are before the code is compiled.
    if (turn >= TURNS / 3) differences.push(nearFirst ? first - second : second - first)
  }
  differences.sort((a, b) => a - b)
  return (differences[differences.length >> 1]! * 1e6) / CALLS
}

/** What weir does not do: character by character, until one differs. */
function naive(key: string): boolean {
  for (let i = 0; i < stored.length; i++)
    if (key.charCodeAt(i) !== stored.charCodeAt(i)) return false
  return key.length === stored.length
}

test('near and far keys are told apart by a naive compare, and not by weir', async t => {
  const scheme = new ApiKeys('')
  scheme.load(keySet(storedKey(stored)))
  t.equal(stored.slice(0, 44), near[0]!.slice(0, 44), 'near is near')
  t.equal(naive(stored), true)

  // The same work besides, so that both are measured in the same noise.
  const leaking = leak(key => {
    hashKey(key)
    return naive(key)
  })
  const ours = leak(key => scheme.check(key, 0) !== UNKNOWN)
  t.comment(`naive ${leaking.toFixed(1)} ns, weir ${ours.toFixed(1)} ns`)
  t.ok(leaking > 8, `the measure sees a naive compare: ${leaking.toFixed(1)} ns`)
  // A naive compare in weir itself is as quick as this one, or quicker where it was compiled better.
  t.ok(Math.abs(ours) < leaking / 4, `weir: ${ours.toFixed(1)} ns`)
})
