import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { test } from 'tap'
import { Locks } from '../../src/shared/locks.ts'

const locksUrl = new URL('../../src/shared/locks.ts', import.meta.url).href

/** Runs `code` with `locks` (owner `thread`) and `words` in a thread of its own. */
function inThread(memory: SharedArrayBuffer, thread: number, code: string): Promise<unknown> {
  const script = `
    import { workerData } from 'node:worker_threads'
    import { Locks } from '${locksUrl}'
    const locks = new Locks(workerData, 0)
    locks.owner = ${thread}
    const words = new Int32Array(workerData, Locks.bytes())
    ${code}`
  const url = new URL(`data:text/javascript,${encodeURIComponent(script)}`)
  return once(new Worker(url, { workerData: memory }), 'exit')
}

test('what is changed under the same lock is never changed by two at once', async t => {
  const memory = new SharedArrayBuffer(Locks.bytes() + 8)
  const code = `
    for (let i = 0; i < 20000; i++) {
      locks.take(3, 5)
      words[0] = words[0] + 1
      locks.release(3, 5)
      locks.take(5, 3)
      words[0] = words[0] + 1
      locks.release(5, 3)
    }`
  await Promise.all([1, 2, 3].map(thread => inThread(memory, thread, code)))
  t.equal(new Int32Array(memory, Locks.bytes())[0], 3 * 40_000)
})

test('two sets that share a lock are taken once', async t => {
  const locks = new Locks(new SharedArrayBuffer(Locks.bytes()), 0)
  locks.take(1, 257)
  locks.release(1, 257)
  locks.take(257, 257)
  locks.release(257, 257)
  t.pass('it does not wait for itself')
})

test('main breaks the locks of a thread that died with them, and no others', async t => {
  const memory = new SharedArrayBuffer(Locks.bytes() + 8)
  await inThread(memory, 1, 'locks.take(3, 5)')
  await inThread(memory, 2, 'locks.take(7, 7)')
  const main = new Locks(memory, 0)
  main.releaseAllOf(1)
  const words = new Int32Array(memory, 0)
  t.strictSame([words[3], words[5], words[7]], [0, 0, 3], 'a lock holds its owner plus one')
  // Would wait for ever, and the test with it, if they were held still.
  main.take(3, 5)
  main.release(3, 5)
})
