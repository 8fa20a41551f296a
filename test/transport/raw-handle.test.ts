import { once } from 'node:events'
import { connect as connectTls, createSecureContext, TLSSocket } from 'node:tls'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { test } from 'tap'
import { takeHandle } from '../../src/transport/raw-handle.ts'
import { testAuthority } from '../support/certificates.ts'
import { brokenOff } from '../support/client.ts'
import { socketPair } from '../support/edge.ts'

test('a handle outlives its socket, and nobody reads from it', async t => {
  const { client, server } = await socketPair(t)
  let read = 0
  server.on('data', (bytes: Buffer) => (read += bytes.length))
  server.resume()
  client.write('x')
  await once(server, 'data')
  await nextTurn()
  const closed = once(server, 'close')
  const handle = takeHandle(server, server)
  t.not(handle, null)
  await closed
  client.write('more')
  await nextTurn()
  t.equal(read, 1)
  const end = brokenOff(client)
  handle!.reset()
  t.equal(await end, 'ECONNRESET')
})

test('nothing is taken from a socket that is gone, ends or writes', async t => {
  const gone = await socketPair(t)
  gone.server.destroy()
  t.equal(takeHandle(gone.server, gone.server), null)
  const ends = await socketPair(t)
  ends.server.end()
  t.equal(takeHandle(ends.server, ends.server), null)
  const writes = await socketPair(t)
  writes.client.pause()
  writes.server.write(Buffer.alloc(30_000_000))
  t.equal(takeHandle(writes.server, writes.server), null)
  t.equal(writes.server.destroyed, false, 'and it stays as it is')
})

test('what is below TLS is reset for real, and the process goes on', async t => {
  const { issued } = testAuthority(t).issue('a', ['a.test'])
  const secureContext = createSecureContext({ cert: issued.chainPem, key: issued.keyPem })
  for (let i = 0; i < 20; i++) {
    const { client, server } = await socketPair(t)
    const secure = new TLSSocket(server, { isServer: true, secureContext })
    secure.on('error', () => {})
    const asked = once(secure, 'data')
    const peer = connectTls({ socket: client, rejectUnauthorized: false })
    peer.on('error', () => {})
    await once(peer, 'secureConnect')
    peer.write('x'.repeat(1 + i * 5000))
    await asked
    await nextTurn()
    const end = brokenOff(peer)
    const handle = takeHandle(server, secure)
    t.equal(secure.destroyed, true)
    await nextTurn()
    handle!.reset()
    t.equal(await end, 'ECONNRESET')
  }
})
