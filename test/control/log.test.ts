import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Writable } from 'node:stream'
import { test } from 'tap'
import { createLog } from '../../src/control/log.ts'
import { until } from '../support/until.ts'

const moduleUrl = new URL('../../src/control/log.ts', import.meta.url).href

/** Takes what is written as slowly as `release()` is called. */
class Slow extends Writable {
  text = ''
  #release: (() => void) | null = null
  constructor() {
    super({ decodeStrings: false })
  }
  override _write(chunk: string, _: string, done: () => void): void {
    this.text += chunk
    this.#release = done
  }
  release(): void {
    this.#release?.()
  }
}

test('lines of main and of the workers are whole, one after the other', async t => {
  const sink = new Slow()
  const log = createLog('info', sink)
  log.logger.info({ a: 1 }, 'one')
  log.writeLines(Buffer.from('{"msg":"two"}\n{"msg":"three"}\n'), () => {})
  log.logger.debug('not at this level')
  log.logger.warn('four')
  for (let i = 0; i < 5; i++) sink.release()
  const lines = sink.text.trimEnd().split('\n')
  const messages = lines.map(line => (JSON.parse(line) as { msg: string }).msg)
  t.strictSame(messages, ['one', 'two', 'three', 'four'])
  t.match(JSON.parse(lines[0]!), { level: 30, a: 1, time: Number })
  t.equal(log.dropped(), 0)
})

test('a flush waits for what was written, but not for ever', async t => {
  const sink = new Slow()
  const log = createLog('info', sink)
  log.logger.info('one')
  let flushed = false
  const flush = log.flush(60_000).then(() => {
    flushed = true
  })
  await new Promise(setImmediate)
  t.notOk(flushed)
  sink.release()
  sink.release()
  await flush
  log.logger.info('two')
  await log.flush(1)
  t.pass('nobody took it')
})

test('what is not taken is kept up to a bound, then dropped and counted', async t => {
  const log = createLog('info', new Slow())
  const megabyte = `${'x'.repeat(1024 * 1024 - 2)}\n`
  for (let i = 0; i < 10; i++) log.writeLines(Buffer.from(`a\n${megabyte}`), () => {})
  t.equal(log.dropped(), 2 * 3, '8 MiB are kept, less what 16 bytes more take')
})

test('a reader that is gone is no error', async t => {
  const sink = new Slow()
  const log = createLog('info', sink)
  sink.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
  await until(() => sink.closed, 'closed')
  log.logger.info('to nobody')
  await log.flush(60_000)
  t.ok(log.dropped() >= 1)
})

test('a process whose standard output nobody reads goes on, and ends', async t => {
  const script = `
    import { createLog } from ${JSON.stringify(moduleUrl)}
    const log = createLog('info')
    const line = 'x'.repeat(1000)
    for (let i = 0; i < 30_000; i++) log.logger.info(line)
    await log.flush(10)
    process.stderr.write(String(log.dropped()))
    process.exit(0)`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  let said = ''
  child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()))
  const [code] = (await once(child, 'exit')) as [number]
  t.equal(code, 0)
  t.ok(Number(said) > 15_000, `${said} of 30000 lines of 1000 bytes were dropped`)
})
