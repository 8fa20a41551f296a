import { createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import { test } from 'tap'
import { action } from '../../src/core/actions.ts'
import { type Door, Listener } from '../../src/transport/listener.ts'
import { Tarpit } from '../../src/transport/tarpit.ts'
import { brokenOff, dial, ending, read } from '../support/client.ts'
import { runningDeadlines } from '../support/edge.ts'
import { until } from '../support/until.ts'

const RESET = action('reset')

function tarpitOf(t: Parameters<typeof runningDeadlines>[0], max = 10): Tarpit {
  const tarpit = new Tarpit(runningDeadlines(t), max, 300)
  t.teardown(() => tarpit.close())
  return tarpit
}

class TestDoor implements Door {
  readonly asked: string[] = []
  readonly sockets: Socket[] = []
  answer = 0
  readonly ports: number[] = []
  admits(address: string, port: number): number {
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
  const listener = new Listener(door, tarpitOf(t))
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
  door.answer = RESET
  const listener = new Listener(door, tarpitOf(t))
  const port = await listener.listen({ host: '::', port: 0 })
  t.teardown(() => listener.close())
  for (let i = 0; i < 20; i++) t.equal(await ending(port, {}, 'x'), 'ECONNRESET')
  t.equal(door.asked.length, 20)
  t.equal(door.asked[0], '::ffff:127.0.0.1')
  t.equal(door.sockets.length, 0)
})

test('who is not admitted is reset, closed or held in silence, as the door says', async t => {
  const door = new TestDoor()
  const tarpit = tarpitOf(t, 1)
  const listener = new Listener(door, tarpit)
  const port = await listener.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => listener.close())
  door.answer = action('close')
  t.equal(await ending(port), 'closed', 'FIN, without a byte')
  door.answer = action('tarpit')
  const held = await dial(port)
  const end = brokenOff(held)
  await until(() => tarpit.size === 1, 'it is held')
  t.equal(await ending(port), 'ECONNRESET', 'the tarpit is full')
  t.equal(tarpit.size, 1)
  held.resume()
  t.equal(await end, 'ECONNRESET', 'once its time was over')
  t.equal(held.bytesRead, 0)
  t.equal(tarpit.size, 0)
  t.equal(door.sockets.length, 0)
})

test('a closed listener lets those who are in go on', async t => {
  const door = new TestDoor()
  const listener = new Listener(door, tarpitOf(t))
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
  const [one, two] = [
    new Listener(new TestDoor(), tarpitOf(t)),
    new Listener(new TestDoor(), tarpitOf(t)),
  ]
  const port = await one.listen({ host: '127.0.0.1', port: 0 })
  t.equal(await two.listen({ host: '127.0.0.1', port }), port)
  one.close()
  two.close()
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const address = other.address()
  const taken = typeof address === 'object' && address !== null ? address.port : 0
  await t.rejects(
    new Listener(new TestDoor(), tarpitOf(t)).listen({ host: '127.0.0.1', port: taken }),
    {
      code: 'EADDRINUSE',
    },
  )
  other.close()
})

test('several connections are taken in one turn of the loop, and none once it is closed', async t => {
  const door = new TestDoor()
  door.answer = RESET
  let turn = 0
  const turns: number[] = []
  const admits = door.admits.bind(door)
  door.admits = (address, port) => {
    turns.push(turn)
    return admits(address, port)
  }
  const listener = new Listener(door, tarpitOf(t))
  const port = await listener.listen({ host: '127.0.0.1', port: 0 })
  const count = () => {
    turn++
    ticking = setImmediate(count)
  }
  let ticking = setImmediate(count)
  t.teardown(() => clearImmediate(ticking))
  // All knock before the loop turns.
  const ends = Array.from({ length: 100 }, () => ending(port))
  t.strictSame(await Promise.all(ends), Array(100).fill('ECONNRESET'))
  t.equal(turns.length, 100, 'each once')
  t.ok(new Set(turns).size < 75, `in ${new Set(turns).size} turns`)
  listener.close()
  t.equal(await ending(port), 'ECONNREFUSED')
})
