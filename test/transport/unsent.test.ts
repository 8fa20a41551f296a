import { test } from 'tap'
import { unsentBytes } from '../../src/transport/unsent.ts'
import { socketPair } from '../support/edge.ts'
import { until } from '../support/until.ts'

test('what a peer does not read is unsent, and falls as it reads, within one write', async t => {
  const { client, server } = await socketPair(t)
  t.equal(unsentBytes(client, client), 0)
  client.write(Buffer.alloc(64 * 1024 * 1024))
  const before = unsentBytes(client, client)
  t.ok(before > 0, `${before} bytes`)
  server.once('data', () => server.pause())
  server.resume()
  let after = before
  await until(async () => {
    server.read()
    after = unsentBytes(client, client)
    return after < before
  }, 'some of it was taken')
  t.ok(after > 0, 'but not all of the write')
})
