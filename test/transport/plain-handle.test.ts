import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'tap'
import {
  BEHIND,
  connect,
  disown,
  EOF,
  type HandleOwner,
  newPlainHandle,
  own,
  shutdown,
  write,
} from '../../src/transport/plain-handle.ts'
import { until } from '../support/until.ts'

test('a handle connects, writes, reads into what it is given, and ends', async t => {
  const { promise, resolve } = Promise.withResolvers<Socket>()
  const server = createServer({ allowHalfOpen: true }, resolve)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo

  const buffers = [Buffer.alloc(4), Buffer.alloc(100)] as const
  const told: (string | number)[] = []
  const owner: HandleOwner = {
    onRead(count) {
      told.push(count < 0 ? count : buffers[told.length === 1 ? 0 : 1].toString('latin1', 0, count))
      return buffers[1]
    },
    onWritten: (length, status) => void told.push(`written ${length} ${status}`),
    onShutdown: status => void told.push(`shutdown ${status}`),
    onConnect: status => void told.push(`connect ${status}`),
  }
  const handle = newPlainHandle()!
  t.teardown(() => handle.close())
  own(handle, owner, buffers[0])
  t.equal(connect(handle, owner, '127.0.0.1', port), 0)
  const peer = await promise
  t.teardown(() => peer.destroy())
  await until(() => told.length === 1, 'it is connected')
  t.equal(handle.readStart(), 0)
  peer.write('abcdef')
  await until(() => told.length === 3, 'it is read')
  t.strictSame(told.splice(0), ['connect 0', 'abcd', 'ef'])

  peer.pause()
  t.equal(write(handle, owner, 'first'), 0)
  const large = Buffer.alloc(20_000_000)
  t.equal(write(handle, owner, large), BEHIND)
  t.equal(shutdown(handle, owner), 0)
  let came = 0
  peer.on('data', (bytes: Buffer) => (came += bytes.length))
  peer.on('end', () => peer.end())
  peer.resume()
  await until(() => told.includes(EOF), 'the end of the peer')
  t.equal(came, large.length + 5)
  t.strictSame(told, [`written ${large.length} 0`, 'shutdown 0', EOF])
  disown(handle)
})
