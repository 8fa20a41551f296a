import { type Test, test } from 'tap'
import { Linger } from '../../src/proxy/linger.ts'
import { unsentBytes } from '../../src/transport/unsent.ts'
import { socketPair } from '../support/edge.ts'
import { until } from '../support/until.ts'

/** More than the kernel takes for a socket. */
const LARGE = Buffer.alloc(32 * 1024 * 1024, 'x')

async function setUp(t: Test, bytes: Buffer, limits = { writeTimeoutMs: 60_000, writeRateMin: 0 }) {
  const { client, server } = await socketPair(t)
  client.pause()
  server.end(bytes)
  const linger = new Linger(server, server, limits)
  return { client, server, linger }
}

test('where the kernel has all of it the first look is the last', async t => {
  const { server } = await setUp(t, Buffer.from('x'))
  await until(() => unsentBytes(server, server) === 0, 'it is out')
  const late = new Linger(server, server, { writeTimeoutMs: 0, writeRateMin: 0 })
  t.strictSame([late.isOver(), late.isOut], [true, true])
})

test('who takes it has as long as that goes on, and a last moment', async t => {
  const { client, server, linger } = await setUp(t, LARGE)
  t.strictSame([linger.isOver(), linger.isOut], [false, false])
  client.resume()
  await until(() => unsentBytes(server, server) === 0, 'it is out')
  t.strictSame([linger.isOver(), linger.isOut], [false, true])
  t.ok(linger.isOver())
})

test('who takes nothing has no longer than for any other write', async t => {
  const { linger } = await setUp(t, LARGE, { writeTimeoutMs: 300, writeRateMin: 0 })
  t.notOk(linger.isOver())
  await until(() => linger.isOver(), 'its time is over')
  t.notOk(linger.isOut)
})
