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

test('what one thread writes the other reads, once and in order', async t => {
  const { writer, reader } = rings()
  t.equal(reader.read(), null)
  t.ok(writer.write('one\n'))
  t.ok(writer.write('two\n'))
  t.equal(reader.read()?.toString(), 'one\ntwo\n')
  t.equal(reader.read(), null)
})

test('a ring goes round: no byte is lost at its end', async t => {
  const { writer, reader } = rings()
  const line = `${'x'.repeat(99_990)}end\n`
  let got = ''
  for (let i = 0; i < 50; i++) {
    t.ok(writer.write(`${i}${line}`))
    got += reader.read()!.toString()
  }
  t.equal(got, Array.from({ length: 50 }, (_, i) => `${i}${line}`).join(''))
})

test('a full ring takes no more, whole lines only, and goes on when it was read', async t => {
  const { writer, reader } = rings()
  const line = `${'x'.repeat(999)}\n`
  let taken = 0
  while (writer.write(line)) taken++
  t.equal(taken, Math.floor(RING_BYTES / 1000))
  t.equal(reader.read()?.length, taken * 1000)
  t.ok(writer.write(line))
})

test('workers do not share a ring', async t => {
  const { memory, writer } = rings(0)
  writer.write('mine\n')
  t.equal(new LogRing(memory, 0, 1).read(), null)
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
    text += reader.read()?.toString() ?? ''
    await new Promise(setImmediate)
  }
  text += reader.read()?.toString() ?? ''
  t.equal(text, Array.from({ length: 200_000 }, (_, i) => `line ${i}\n`).join(''))
})
