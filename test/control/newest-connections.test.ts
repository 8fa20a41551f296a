import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type Test, test } from 'tap'
import { keepNewest } from '../../src/control/newest-connections.ts'
import { until } from '../support/until.ts'

/** A server of two connections that answers what it is asked, and clients that dial one after the other. */
async function start(t: Test) {
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.pipe(socket)
  })
  keepNewest(server, 2)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
    await answered(socket)
    return socket
  }
}

async function answered(socket: Socket): Promise<void> {
  socket.write('x')
  await once(socket, 'data')
}

test('the oldest connection makes room for a new one, and no other', async t => {
  const dial = await start(t)
  const [first, second] = [await dial(), await dial()]
  const third = await dial()
  await until(() => first.destroyed, 'the first is closed')
  await answered(second)
  await answered(third)
})

test('one that has left takes no room', async t => {
  const dial = await start(t)
  const [first, second] = [await dial(), await dial()]
  second.destroy()
  await once(second, 'close')
  await answered(first)
  const third = await dial()
  await answered(first)
  await answered(third)
})
