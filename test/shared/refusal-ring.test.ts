import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { test } from 'tap'
import { STATE_WORDS } from '../../src/shared/address-table.ts'
import { REFUSAL_ID_MAX, type Refused, RefusalRing } from '../../src/shared/refusal-ring.ts'
import { addressOf } from '../support/memory.ts'

function ring(slots = 16): RefusalRing {
  return new RefusalRing(new SharedArrayBuffer(RefusalRing.bytes(slots)), 0, slots)
}

function refused(facts: Partial<Refused> = {}): Refused {
  return {
    reason: 7,
    timeMs: 12_345,
    listener: 1,
    route: -1,
    status: 429,
    retryAfter: 3,
    address: addressOf('192.0.2.1'),
    state: Int32Array.from({ length: STATE_WORDS }, (_, i) => i - 2),
    hasState: true,
    id: 'a1',
    note: ',"auth":"jwt"',
    ...facts,
  }
}

test('what is written of a request is found by its id, as it was', t => {
  const it = ring()
  it.write(refused())
  it.write(refused({ id: 'a2', reason: ~3, route: 4, hasState: false, note: '' }))
  t.strictSame(it.ofRequest('a1', 9), [refused()])
  const [second] = it.ofRequest('a2', 9)
  t.match(second, { id: 'a2', reason: ~3, route: 4, hasState: false, note: '' })
  for (const other of ['', 'a', 'a3', 'b1', 'a11', 'x'.repeat(REFUSAL_ID_MAX + 1)]) {
    t.strictSame(it.ofRequest(other, 9), [], other)
  }
  t.end()
})

test('an id that a proxy gave twice has two answers, the newest first', t => {
  const it = ring()
  for (const timeMs of [1000, 2000, 3000]) it.write(refused({ timeMs }))
  t.strictSame(
    it.ofRequest('a1', 2).map(({ timeMs }) => timeMs),
    [3000, 2000],
  )
  t.end()
})

test('addresses are found by as many bits as count', t => {
  const it = ring()
  it.write(refused({ address: addressOf('192.0.2.1'), id: 'v4' }))
  it.write(refused({ address: addressOf('2001:db8:1:2:3::4'), id: 'v6' }))
  const ids = (address: string, bits: number) =>
    it.ofAddress(addressOf(address), bits, 9).map(({ id }) => id)
  t.strictSame(ids('192.0.2.1', 128), ['v4'])
  t.strictSame(ids('192.0.2.2', 128), [])
  t.strictSame(ids('192.0.2.2', 120), ['v4'])
  t.strictSame(ids('2001:db8:1:2:ffff::', 64), ['v6'])
  t.strictSame(ids('2001:db8:1:3::', 64), [])
  t.end()
})

test('the oldest make room, and how far back it reaches is known', t => {
  const it = ring(16)
  const write = (from: number, to: number) => {
    for (let i = from; i < to; i++) it.write(refused({ id: `n${i}`, timeMs: 1000 * i }))
  }
  write(0, 11)
  t.equal(it.reachesBackTo(), -1, 'nothing was forgotten')
  t.equal(it.ofRequest('n0', 9).length, 1)
  write(11, 12)
  // Five less than there are: the next to go may be written over just now.
  t.strictSame(it.ofRequest('n0', 9), [])
  t.equal(it.ofRequest('n1', 9).length, 1)
  t.equal(it.reachesBackTo(), 1000)
  write(12, 40)
  t.strictSame(it.ofRequest('n28', 9), [])
  t.equal(it.ofRequest('n29', 9).length, 1)
  t.equal(it.reachesBackTo(), 29_000)
  t.equal(it.ofAddress(addressOf('192.0.2.1'), 128, 99).length, 11)
  t.equal(it.count, 40)
  t.end()
})

test('where a flood is written main is told of each fourth, and of the others when it is time', async t => {
  const it = new RefusalRing(new SharedArrayBuffer(RefusalRing.bytes(16)), 0, 16, 4)
  const write = (from: number, to: number) => {
    for (let i = from; i < to; i++) it.write(refused({ id: `n${i}` }))
  }
  write(0, 7)
  t.equal(it.count, 4)
  t.strictSame(it.ofRequest('n4', 9), [])
  t.equal(it.ofRequest('n3', 9).length, 1)
  it.publish()
  t.equal(it.count, 7)
  t.equal(it.ofRequest('n6', 9).length, 1)
  write(7, 8)
  t.equal(it.count, 8)
  write(8, 23)
  // Up to n22, of which main has not heard, and four before it may be told of, are written over.
  t.equal(it.ofAddress(addressOf('192.0.2.1'), 128, 99).length, 8)
  t.equal(it.ofRequest('n12', 9).length, 1)
  t.strictSame(it.ofRequest('n11', 9), [])
})

test('texts that are too long are cut, and reach into nothing else', t => {
  const it = ring(8)
  it.write(refused({ id: 'first', note: 'n'.repeat(1000) }))
  it.write(refused({ id: 'i'.repeat(REFUSAL_ID_MAX), note: 'n'.repeat(1000) }))
  t.equal(it.ofRequest('first', 1)[0]!.note, 'n'.repeat(128))
  t.equal(it.ofRequest('i'.repeat(REFUSAL_ID_MAX), 1).length, 1)
  t.end()
})

test('who reads while a worker writes gets whole ones', async t => {
  const memory = new SharedArrayBuffer(RefusalRing.bytes(16))
  const it = new RefusalRing(memory, 0, 16)
  const writer = new Worker(new URL('../support/refusal-writer.ts', import.meta.url), {
    workerData: { memory, slots: 16, count: 300_000 },
  })
  const done = once(writer, 'exit')
  let seen = 0
  while (it.count < 300_000) {
    for (const each of it.ofAddress(addressOf('0.0.0.0'), 96, 16)) {
      const n = each.address[3]!
      const isWhole =
        each.reason === n &&
        each.state.every(word => word === n) &&
        each.id === String(n).padStart(REFUSAL_ID_MAX, '0') &&
        each.note === String(n).padStart(REFUSAL_ID_MAX, '1')
      if (!isWhole) t.fail(`${n}: ${JSON.stringify(each)}`)
      seen++
    }
    await new Promise(resolve => setImmediate(resolve))
  }
  await done
  t.ok(seen > 100, `${seen} were read`)
  t.equal(it.count, 300_000)
})
