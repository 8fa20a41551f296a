import { Worker } from 'node:worker_threads'
import { test } from 'tap'
import { LogRing, RING_BYTES } from '../../src/shared/log-ring.ts'

function rings(worker = 1): { writer: LogRing; reader: LogRing; memory: SharedArrayBuffer } {
  const memory = new SharedArrayBuffer(LogRing.bytes(2))
  return {
    writer: new LogRing(memory, 0, worker),
    reader: new LogRing(memory, 0, worker),
    memory,
  }
}

const into = Buffer.alloc(RING_BYTES)

/** @returns null if nothing waits */
function read(ring: LogRing): string | null {
  const count = ring.read(into)
  return count === 0 ? null : into.toString('latin1', 0, count)
}

test('what one thread writes the other reads, once and in order', async t => {
  const { writer, reader } = rings()
  t.equal(read(reader), null)
  t.ok(writer.write('one\n'))
  t.ok(writer.write('two\n'))
  t.equal(read(reader), 'one\ntwo\n')
  t.equal(read(reader), null)
})

test('a ring goes round: no byte is lost at its end', async t => {
  const { writer, reader } = rings()
  const line = `${'x'.repeat(99_990)}end\n`
  let got = ''
  for (let i = 0; i < 50; i++) {
    t.ok(writer.write(`${i}${line}`))
    got += read(reader)!
  }
  t.equal(got, Array.from({ length: 50 }, (_, i) => `${i}${line}`).join(''))
})

test('a full ring takes no more, whole lines only, and goes on when it was read', async t => {
  const { writer, reader } = rings()
  const line = `${'x'.repeat(999)}\n`
  let taken = 0
  while (writer.write(line)) taken++
  t.equal(taken, Math.floor(RING_BYTES / 1000))
  t.equal(read(reader)?.length, taken * 1000)
  t.ok(writer.write(line))
})

test('what there is no room for waits, and no line is cut', async t => {
  const { writer, reader } = rings()
  writer.write('one\ntwo\nthree\n')
  const small = Buffer.alloc(10)
  const taken: string[] = []
  for (let count = reader.read(small); count > 0; count = reader.read(small)) {
    taken.push(small.toString('latin1', 0, count))
  }
  t.strictSame(taken, ['one\ntwo\n', 'three\n'])
  writer.write('longer than ten\n')
  t.equal(reader.read(small), 10, 'but one that fits nowhere')
  t.equal(read(reader), 'n ten\n')
})

test('workers do not share a ring', async t => {
  const { memory, writer } = rings(0)
  writer.write('mine\n')
  t.equal(read(new LogRing(memory, 0, 1)), null)
})

test('a thread that writes while another reads: every line arrives whole', async t => {
  const { reader, memory } = rings()
  const url = new URL('../../src/shared/log-ring.ts', import.meta.url).href
  const thread = new Worker(
    `const { workerData } = require('node:worker_threads')
     import('${url}').then(({ LogRing }) => {
       const ring = new LogRing(workerData, 0, 1)
       for (let i = 0; i < 200000;) if (ring.write('line ' + i + '\\n')) i++
     })`,
    { eval: true, workerData: memory },
  )
  const state = { ended: false }
  thread.on('exit', () => (state.ended = true))
  let text = ''
  while (!state.ended) {
    text += read(reader) ?? ''
    await new Promise(setImmediate)
  }
  text += read(reader) ?? ''
  t.equal(text, Array.from({ length: 200_000 }, (_, i) => `line ${i}\n`).join(''))
})
