import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { test } from 'tap'
import { reset } from '../../src/transport/reset.ts'
import { socketPair } from '../support/edge.ts'
import { until } from '../support/until.ts'

/** As `process.nextTick` does it: the FIN is asked for in the second of them. */
async function ticks(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise<void>(resolve => process.nextTick(resolve))
}

test('a socket that is just shutting down is reset as well, and its descriptor is free', async t => {
  for (const before of ['nothing', 'end', 'write and end', 'end long ago']) {
    const { client, server } = await socketPair(t)
    const descriptors = readdirSync('/proc/self/fd').length
    client.resume()
    const ended = new Promise(resolve => client.on('close', resolve))
    const errors: string[] = []
    client.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code ?? ''))
    server.on('error', (error: NodeJS.ErrnoException) => errors.push(`of ours: ${error.code}`))
    if (before === 'write and end') server.write(Buffer.alloc(10))
    if (before !== 'nothing') server.end()
    if (before === 'end long ago') await once(server, 'finish')
    else await ticks()
    reset(server)
    reset(server)
    await once(server, 'close')
    // Behind a FIN nobody listens for what comes: it is seen when something is written.
    client.write('are you there?')
    await ended
    t.match(errors, [/^(?:ECONNRESET|EPIPE)$/], before)
    t.equal(readdirSync('/proc/self/fd').length, descriptors - 2, before)
  }
})

test('nothing is read after a reset, also where it comes a turn later', async t => {
  const { client, server } = await socketPair(t)
  server.resume()
  server.end()
  await ticks()
  reset(server)
  let got = 0
  server.on('data', (bytes: Buffer) => (got += bytes.length))
  client.write('late')
  await once(server, 'close')
  t.equal(got, 0)
})

test('a thread that reset such a socket can be ended', async t => {
  const url = new URL('../../src/transport/reset.ts', import.meta.url).href
  const code = `
    const { connect, createServer } = require('node:net')
    const { parentPort } = require('node:worker_threads')
    import(${JSON.stringify(url)}).then(({ reset }) => {
      const server = createServer({ allowHalfOpen: true }, socket => {
        socket.on('error', () => {})
        socket.end()
        process.nextTick(() => process.nextTick(() => process.nextTick(() => {
          reset(socket)
          setImmediate(() => setImmediate(() => parentPort.postMessage('done')))
        })))
      }).listen(0, '127.0.0.1', () => connect(server.address().port, '127.0.0.1').on('error', () => {}))
    })`
  const worker = new Worker(code, { eval: true })
  await once(worker, 'message')
  let ended = false
  void worker.terminate().then(() => (ended = true))
  await until(() => ended, 'the thread has ended')
  t.pass('it has')
})
