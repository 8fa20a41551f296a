import { createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import { test } from 'tap'
import { type Door, Listener } from '../../src/transport/listener.ts'
import { dial, ending, read } from '../support/client.ts'

class TestDoor implements Door {
  readonly asked: string[] = []
  readonly sockets: Socket[] = []
  answer = true
  readonly ports: number[] = []
  admits(address: string, port: number): boolean {
    this.asked.push(address)
    this.ports.push(port)
    return this.answer
  }
  newReadBuffer(): null {
    return null
  }
  onConnection(socket: Socket): void {
    this.sockets.push(socket)
    socket.on('error', () => {})
    socket.write('welcome')
  }
}

test('the door is asked once, and has the socket if it says yes', async t => {
  const door = new TestDoor()
  const listener = new Listener(door)
  const port = await listener.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => listener.close())
  const client = await dial(port, { from: '127.0.0.5' })
  t.equal(await read(client, 7), 'welcome')
  t.strictSame(door.asked, ['127.0.0.5'])
  t.strictSame(door.ports, [client.localPort])
  client.destroy()
  door.sockets[0]!.destroy()
})

test('who is not admitted is reset, and no socket is made', async t => {
  const door = new TestDoor()
  door.answer = false
  const listener = new Listener(door)
  const port = await listener.listen({ host: '::', port: 0 })
  t.teardown(() => listener.close())
  for (let i = 0; i < 20; i++) t.equal(await ending(port, {}, 'x'), 'ECONNRESET')
  t.equal(door.asked.length, 20)
  t.equal(door.asked[0], '::ffff:127.0.0.1')
  t.equal(door.sockets.length, 0)
})

test('a closed listener lets those who are in go on', async t => {
  const door = new TestDoor()
  const listener = new Listener(door)
  const port = await listener.listen({ host: '127.0.0.1', port: 0 })
  const client = await dial(port)
  await read(client, 7)
  listener.close()
  await t.rejects(dial(port), { code: 'ECONNREFUSED' })
  door.sockets[0]!.end('bye')
  t.equal(await read(client, 3), 'bye')
  client.destroy()
})

test('several listen on one port, and none where somebody else does', async t => {
  const [one, two] = [new Listener(new TestDoor()), new Listener(new TestDoor())]
  const port = await one.listen({ host: '127.0.0.1', port: 0 })
  t.equal(await two.listen({ host: '127.0.0.1', port }), port)
  one.close()
  two.close()
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const address = other.address()
  const taken = typeof address === 'object' && address !== null ? address.port : 0
  await t.rejects(new Listener(new TestDoor()).listen({ host: '127.0.0.1', port: taken }), {
    code: 'EADDRINUSE',
  })
  other.close()
})
