import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type Test, test } from 'tap'
import { Supervisor } from '../../src/control/supervisor.ts'
import { rotateTicketSecrets } from '../../src/transport/tickets.ts'
import { echo, startBackend } from '../support/backend.ts'
import { dial, read } from '../support/client.ts'
import { good } from '../support/config.ts'
import { captureLog } from '../support/log.ts'
import { addressOf, makeShared } from '../support/memory.ts'
import { until } from '../support/until.ts'

async function makeSupervisor(t: Test, { workers = 2, port = 0 } = {}) {
  const backend = await startBackend(t, echo)
  const config = good(t, {
    listen: [`tcp://127.0.0.1:${port}`],
    backend: [backend.url],
    workers: String(workers),
    'connections-max': '16',
  })
  const { logger, lines } = captureLog()
  const shared = makeShared({ workers, backends: 1, listeners: 1, routes: 0 })
  const parts = {
    config,
    shared,
    log: logger,
    writeLines: () => {},
    addresses: () => ['127.0.0.1'],
    apiKeys: () => null,
    clientAuthorities: () => [],
    issuerKeys: () => [],
    bannedBlocks: () => [],
    onBans() {},
    issuerCa: '',
    introspectionClient: '',
    onKeysWanted: () => {},
    stickySecret: new Uint8Array(32),
    tickets: rotateTicketSecrets([]),
    certificates: [],
    errorPages: [],
    authorities: new Map(),
  }
  const supervisor = new Supervisor(parts)
  t.teardown(async () => await supervisor.stop())
  const said = (msg: string): Record<string, unknown>[] => lines.filter(line => line.msg === msg)
  return { supervisor, shared, said }
}

/** A session that has gone to the backend and back. */
async function session(port: number): Promise<Socket> {
  const socket = await dial(port)
  socket.write('x')
  await read(socket, 1)
  return socket
}

test('all workers listen on one port, which the kernel may choose', async t => {
  const { supervisor, shared } = await makeSupervisor(t)
  const [port] = await supervisor.start()
  assert(port !== undefined)
  t.equal(supervisor.listening, 2)
  t.ok(supervisor.makesProgress())
  const sockets: Socket[] = []
  while (shared.workers.connections(0) === 0 || shared.workers.connections(1) === 0) {
    assert(sockets.length < 64, 'one of them gets nothing')
    sockets.push(await session(port))
    if (sockets.length % 8 === 0) for (const socket of sockets) socket.destroy()
  }
  for (const socket of sockets) socket.destroy()
  t.pass('both serve')
})

test('a worker that dies is replaced at once, and one that dies again soon waits', async t => {
  const { supervisor, said } = await makeSupervisor(t, { workers: 1 })
  await supervisor.start()
  for (let death = 1; death <= 3; death++) {
    await supervisor.kill(0)
    await until(() => said('worker listens again').length === death, `it listens again, ${death}`)
  }
  t.match(said('worker ended, starting another'), [
    { worker: 0, restart_in_ms: 0 },
    { restart_in_ms: 500 },
    { restart_in_ms: 1000 },
  ])
  t.equal(supervisor.restarts, 3)
})

test('a loop that does not turn is no progress; a worker that waits for its next start is no loop', async t => {
  const { supervisor, said } = await makeSupervisor(t, { workers: 1 })
  await supervisor.start()
  const later = () => performance.now() + 10_000
  t.notOk(supervisor.makesProgress(later()))
  for (let deaths = 1; deaths <= 2; deaths++) {
    await until(() => supervisor.listening === 1, 'it listens')
    await supervisor.kill(0)
    await until(() => said('worker ended, starting another').length === deaths, 'that is noticed')
  }
  t.ok(supervisor.makesProgress(later()))
})

test('what a dead worker counted is given back, and nothing of the others', async t => {
  const { supervisor, shared } = await makeSupervisor(t)
  await supervisor.start()
  const slot = shared.addresses.acquire(addressOf('192.0.2.7'), 0)
  shared.addresses.acquire(addressOf('192.0.2.7'), 0)
  for (const worker of [0, 1]) {
    shared.workers.enter(worker, 0)
    shared.backends.enter(0, worker)
    shared.ledger.write(worker, 3, slot)
    for (const ledger of [shared.requestLedger, shared.identityLedger]) {
      shared.addresses.enterRequest(slot, 9)
      ledger.write(worker, 3, slot, false, true)
    }
  }
  await supervisor.kill(0)
  await until(() => supervisor.restarts === 1, 'its end was seen')
  t.equal(shared.workers.hostConnections(), 1)
  t.equal(shared.backends.active(0), 1)
  t.equal(shared.addresses.open(slot), 1)
  t.equal(shared.addresses.requests(slot), 2)
})

test('a port that cannot be had is told with its listener, and so by a replacement', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { supervisor, said } = await makeSupervisor(t, { workers: 1, port })
  await t.rejects(supervisor.start(), {
    message: /listener tcp:\/\/127\.0\.0\.1:\d+: .*EADDRINUSE/,
  })
  t.match(said('worker cannot listen'), [{ worker: 0, error: /EADDRINUSE/ }])
  await supervisor.stop()
  server.close()
})

test('a drain ends with the last session, or when it is cut', async t => {
  for (const how of ['left', 'cut']) {
    const { supervisor } = await makeSupervisor(t)
    const [port] = await supervisor.start()
    const socket = await session(port!)
    let drained = false
    const drain = supervisor.drain().then(() => (drained = true))
    const refuses = async (): Promise<boolean> => {
      const other = await dial(port!).catch(() => null)
      other?.destroy()
      return other === null
    }
    await until(refuses, 'nobody comes in any more')
    t.notOk(drained, how)
    if (how === 'left') socket.destroy()
    else supervisor.cut()
    await drain
    socket.destroy()
    t.ok(drained, how)
    await supervisor.stop()
  }
})
