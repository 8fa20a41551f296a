import { test } from 'tap'
import type { Http1Backend } from '../../src/proxy/http1-backend.ts'
import { DiscardedResponse } from '../../src/proxy/response-owner.ts'

function discarded() {
  const released: boolean[] = []
  const connection = { release: (_: unknown, clean: boolean) => released.push(clean) }
  return { it: new DiscardedResponse(connection as unknown as Http1Backend), released }
}

test('a small response nobody waits for is read, and its connection goes on', async t => {
  const { it, released } = discarded()
  t.ok(it.onData(Buffer.alloc(65_536), 0, 65_536), 'done with the bytes')
  it.onRead()
  t.strictSame(released, [])
  it.onResponse()
  t.strictSame(released, [true])
})

test('a larger one costs its connection', async t => {
  const { it, released } = discarded()
  it.onData(Buffer.alloc(65_537), 0, 65_537)
  it.onRead()
  t.strictSame(released, [false])
})
