import assert from 'node:assert/strict'
import { test } from 'tap'
import { createSecureContext } from 'node:tls'
import type { FaultCode } from '../../src/core/errors.ts'
import { Dial, type Dialed, type DialOwner, type DialTarget } from '../../src/transport/dial.ts'
import { listen } from '../../src/transport/listen.ts'
import { ReadBuffers } from '../../src/transport/read-buffer.ts'
import { echo, startBackend } from '../support/backend.ts'
import { testAuthority } from '../support/certificates.ts'
import { runningDeadlines } from '../support/edge.ts'

type T = Parameters<typeof runningDeadlines>[0]

/** Resolves with what came of the dial, the socket or the code of the failure. */
function start(t: T, target: Partial<DialTarget>, header: Buffer | null = null) {
  const { promise, resolve } = Promise.withResolvers<Dialed | FaultCode>()
  let calls = 0
  const owner: DialOwner = {
    onDialed: dialed => {
      calls++
      t.teardown(() => dialed.socket.destroy())
      listen(dialed.socket, { error: () => {} })
      resolve(dialed)
    },
    onDialFailed: code => {
      calls++
      resolve(code)
    },
  }
  const whole: DialTarget = {
    name: 'it',
    address: '127.0.0.1',
    port: 9,
    timeoutMs: 5000,
    tls: null,
    ...target,
  }
  const dial = new Dial(whole, owner, runningDeadlines(t))
  dial.start(header, new ReadBuffers(), false)
  return { dial, came: promise, calls: () => calls }
}

function ended({ socket }: Dialed): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  listen(socket, { end: () => resolve() })
  return promise
}

test('a plain dial gives a socket and the buffer it reads into', async t => {
  const backend = await startBackend(t, echo)
  const came = await start(t, { port: backend.port }).came
  assert(typeof came !== 'string')
  const heard: string[] = []
  came.readBuffer!.reader = {
    onBytes: (bytes, count) => heard.push(bytes.toString('latin1', 0, count)) > 0,
  }
  came.socket.write('hello')
  came.socket.end()
  await ended(came)
  t.equal(heard.join(''), 'hello')
})

test('a PROXY header goes first, before the handshake too', async t => {
  const backend = await startBackend(t, echo)
  const came = await start(t, { port: backend.port }, Buffer.from('HEADER ')).came
  assert(typeof came !== 'string')
  let heard = ''
  came.readBuffer!.reader = {
    onBytes(bytes, count) {
      heard += bytes.toString('latin1', 0, count)
      return true
    },
  }
  came.socket.write('x')
  came.socket.end()
  await ended(came)
  t.equal(heard, 'HEADER x')
})

test('failures have their code and are told once', async t => {
  const backend = await startBackend(t, echo)
  await backend.kill()
  const refused = start(t, { port: backend.port })
  t.equal(await refused.came, 'WEIR_CONNECT_FAILED')
  t.equal(refused.calls(), 1)
  t.equal(await start(t, { address: null }).came, 'WEIR_BACKEND_UNRESOLVED')
})

test('a backend that says nothing in the handshake is given up', async t => {
  const silent = await startBackend(t, () => {})
  const tls = {
    secureContext: createSecureContext(),
    serverName: 'a.test',
    isAddress: false,
    insecure: false,
  }
  t.equal(await start(t, { port: silent.port, tls, timeoutMs: 100 }).came, 'WEIR_CONNECT_TIMEOUT')
  t.equal(silent.served(), 1, 'it was reached')
})

test('the certificate of a TLS backend is verified, name and authority', async t => {
  const ca = testAuthority(t)
  const { issued } = ca.issue('a', ['a.test'])
  const backend = await startBackend(t, echo, {
    tls: { cert: issued.chainPem, key: issued.keyPem },
  })
  const trusting = createSecureContext({ ca: ca.pem })
  const base = { isAddress: false, insecure: false }
  const ways: [string, DialTarget['tls'], boolean][] = [
    ['good', { ...base, secureContext: trusting, serverName: 'a.test' }, true],
    ['name', { ...base, secureContext: trusting, serverName: 'b.test' }, false],
    ['authority', { ...base, secureContext: createSecureContext(), serverName: 'a.test' }, false],
    [
      'insecure',
      { ...base, secureContext: createSecureContext(), serverName: 'b.test', insecure: true },
      true,
    ],
  ]
  for (const [name, tls, good] of ways) {
    const came = await start(t, { port: backend.port, tls }).came
    t.equal(typeof came === 'string' ? came : 'dialed', good ? 'dialed' : 'WEIR_BACKEND_TLS', name)
  }
})

test('a dial that was given up says nothing and leaves no socket', async t => {
  const backend = await startBackend(t, echo)
  const { dial, calls } = start(t, { port: backend.port })
  dial.cancel()
  dial.cancel()
  // A later dial is answered later than the first would have been.
  await start(t, { port: backend.port }).came
  t.equal(calls(), 0)
})
