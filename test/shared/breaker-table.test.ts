import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { test } from 'tap'
import { BreakerTable, CLOSED, HALF_OPEN, OPEN } from '../../src/shared/breaker-table.ts'

function table(backends = 2, workers = 2) {
  const memory = new SharedArrayBuffer(BreakerTable.bytes(backends, workers))
  return { memory, table: new BreakerTable(memory, 0, backends, workers) }
}

test('a state is left once: of two who saw the same, one changes it', async t => {
  const { table: b } = table()
  t.ok(b.open(0, CLOSED, 10))
  t.notOk(b.open(0, CLOSED, 10))
  t.equal(b.opensTotal(0), 1)
  t.notOk(b.close(0), 'only from half-open')
  t.ok(b.tryNow(0, 10, 20))
  t.notOk(b.tryNow(0, 10, 20))
  t.equal(b.state(0), HALF_OPEN)
  t.ok(b.open(0, HALF_OPEN, 30))
  t.strictSame([b.state(0), b.until(0), b.opens(0)], [OPEN, 30, 2])
  t.ok(b.tryNow(0, 30, 40))
  t.ok(b.close(0))
  t.notOk(b.close(0))
  t.strictSame([b.state(0), b.opens(0), b.opensTotal(0)], [CLOSED, 0, 2])
  t.equal(b.state(1), CLOSED)
})

test('columns are summed over workers and slots, of one generation', async t => {
  const { table: b } = table()
  b.note(0, 0, 5, true)
  b.note(0, 1, 6, false)
  b.note(1, 1, 6, true)
  t.strictSame([b.exchanges(0, 6), b.failures(0, 6)], [2, 1])
  t.strictSame([b.exchanges(0, 13), b.failures(0, 13)], [1, 0], 'slot 5 is out of the window')
  b.note(0, 0, 13, false)
  t.equal(b.exchanges(0, 13), 2, 'slot 13 took the place of 5')
  b.open(0, CLOSED, 0)
  b.tryNow(0, 0, 1)
  b.close(0)
  t.equal(b.exchanges(0, 13), 0)
  b.note(0, 1, 13, true)
  t.strictSame([b.exchanges(0, 13), b.failures(0, 13)], [1, 1])
  t.equal(b.exchanges(1, 6), 1, 'the other backend has its own')
})

test('threads that all see a trial due get one between them, each time', async t => {
  const threads = 3
  const rounds = 2000
  const { memory, table: b } = table(1, 1)
  b.open(0, CLOSED, 0)
  const script = `
    const { workerData } = require('node:worker_threads')
    import(workerData.module).then(({ BreakerTable }) => {
      const b = new BreakerTable(workerData.memory, 0, 1, 1)
      const won = new Int32Array(workerData.won)
      for (let i = 0; i < ${rounds}; ) {
        // Round i is due while the time is i.
        const until = b.until(0)
        if (until < i) continue
        i = until
        if (i >= ${rounds}) break
        if (b.tryNow(0, i, i + 1)) Atomics.add(won, i, 1)
        i++
      }
    })`
  const won = new SharedArrayBuffer(rounds * 4)
  const module = new URL('../../src/shared/breaker-table.ts', import.meta.url).href
  const workers = Array.from(
    { length: threads },
    () => new Worker(script, { eval: true, workerData: { memory, won, module } }),
  )
  await Promise.all(workers.map(async worker => await once(worker, 'exit')))
  t.ok(new Int32Array(won).every(each => each === 1))
})
