import { type Test, test } from 'tap'
import { Uptake } from '../../src/proxy/uptake.ts'
import { socketPair } from '../support/edge.ts'
import { until } from '../support/until.ts'

/** More than the kernel takes for a socket. */
const LARGE = Buffer.alloc(32 * 1024 * 1024, 'x')

async function setUp(t: Test, writeTimeoutMs: number) {
  const { client, server } = await socketPair(t)
  client.pause()
  server.write(LARGE)
  return { client, uptake: new Uptake(server, server, { writeTimeoutMs, writeRateMin: 0 }) }
}

test('who takes nothing is too slow once its time is over, and not before', async t => {
  const { uptake } = await setUp(t, 300)
  t.ok(uptake.unsent > 0)
  const startMs = performance.now()
  await until(() => uptake.isTooSlow(), 'it is')
  t.ok(performance.now() - startMs > 250)
  uptake.begin()
  t.notOk(uptake.isTooSlow(), 'its time begins anew')
})

test('who takes some has its time again, until all is taken', async t => {
  const { client, uptake } = await setUp(t, 60_000)
  const before = uptake.unsent
  client.resume()
  await until(() => !uptake.isTooSlow() && uptake.unsent < before, 'some is taken')
  await until(() => !uptake.isTooSlow() && uptake.unsent === 0, 'all is taken')
  t.ok(before > 0)
})
