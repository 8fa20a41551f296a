import { test } from 'tap'
import type { Socket } from 'node:net'
import type { RequestHead } from '../../src/codec/http1/request-head.ts'
import { CHUNKED } from '../../src/codec/http1/framing.ts'
import type { RouteConfig } from '../../src/config/config.ts'
import { BodyIntake, type BodyOwner } from '../../src/proxy/body-intake.ts'
import { ClientInput } from '../../src/proxy/client-input.ts'
import type { Exchange } from '../../src/proxy/exchange.ts'
import { Deadline, Deadlines, STEP_MS } from '../../src/transport/deadlines.ts'
import { testRoute } from '../support/route.ts'

const SILENCE_MS = 10 * STEP_MS
const BODY_MS = 40 * STEP_MS

/** A client whose body of `length` bytes begins, and an exchange that takes it once it has chosen. */
function intake(length: number, limits: Partial<RouteConfig> = {}) {
  const deadlines = new Deadlines(() => {})
  const deadline = new Deadline({ onDeadline() {} })
  const input = new ClientInput()
  const told: string[] = []
  const socket = { pause: () => void told.push('pause') }
  const owner = {
    edge: {
      bodyRate: null,
      deadlines,
      config: { http: { bodyRateMin: 0 } },
    },
    hasEnded: false,
    isInBodyOf: () => true,
    onBodyWhole: () => void told.push('whole'),
    refuseBody: (status: number) => void told.push(`${status}`),
  }
  const config = { bodyTimeoutMs: BODY_MS, requestBufferSilenceMs: SILENCE_MS, ...limits }
  const exchange = {
    route: testRoute(config),
    takesBody: false,
    holdsBody: false,
    choose: () => {
      told.push('choose')
      exchange.takesBody = true
    },
    onBody: (bytes: Buffer, start: number, end: number) => {
      told.push(bytes.toString('latin1', start, end))
      return true
    },
    onBodyRead: () => true,
  }
  const it = new BodyIntake(
    owner as unknown as BodyOwner,
    socket as unknown as Socket,
    input,
    deadline,
  )
  it.begin(length)
  const head = { body: length, expectsContinue: false }
  return {
    ...{ it, owner, exchange, told },
    awaits: (bytes: number, also: Partial<RequestHead> = {}) =>
      it.awaits({ ...head, ...also } as RequestHead, bytes),
    read: (text = '') => {
      if (text !== '') input.add(Buffer.from(text), text.length, true, true)
      it.read(exchange as unknown as Exchange)
      input.keepRest(it.isPaused)
    },
    endsWait: () => it.endsWait(exchange as unknown as Exchange),
    /** Steps that the client has. */
    left: () => (deadline.due === 0 ? 0 : deadline.due - deadlines.now - 1),
  }
}

test('nobody is chosen before as much is there as was asked for', async t => {
  const { it, awaits, read, told, left } = intake(10)
  t.equal(awaits(6), true)
  read('abcde')
  t.strictSame(told, [])
  t.equal(it.isAwaited, true)
  t.equal(left(), SILENCE_MS / STEP_MS)
  read('f')
  t.strictSame(told, ['choose', 'abcdef'])
  t.equal(it.isAwaited, false)
  t.equal(left(), BODY_MS / STEP_MS, 'from here on the client has its whole time')
  read('ghij')
  t.strictSame(told.slice(2), ['ghij', 'whole'])
  t.equal(left(), 0)
})

test('a body that is shorter is there when it is whole, and what is behind it does not count', async t => {
  const { awaits, read, told } = intake(3)
  t.equal(awaits(100), true)
  read('ab')
  read('cGET /')
  t.strictSame(told, ['choose', 'abc', 'whole'])
})

test('there is nothing to wait for where the client waits, or all is there', async t => {
  t.equal(intake(10).awaits(0), false, 'nobody asks for it')
  t.equal(intake(10).awaits(6, { expectsContinue: true }), false)
  t.equal(intake(CHUNKED).awaits(6), false)
  const { exchange, awaits, read, told } = intake(3)
  // It came while it was asked who the client is.
  read('abc')
  t.strictSame(told, ['pause'])
  t.equal(awaits(6), false)
  exchange.choose()
  read()
  t.strictSame(told.slice(1), ['choose', 'abc', 'whole'])
})

test('silence ends the wait, once, if it is shorter than any body may have', async t => {
  const { awaits, read, told, endsWait } = intake(10)
  awaits(6)
  read('ab')
  t.equal(endsWait(), true)
  t.equal(endsWait(), false, 'a longer one is too long')
  read()
  t.strictSame(told, ['choose', 'ab'])
  for (const silence of [0, BODY_MS]) {
    const other = intake(10, { requestBufferSilenceMs: silence })
    other.awaits(6)
    other.read('ab')
    t.equal(other.left(), BODY_MS / STEP_MS)
    t.equal(other.endsWait(), false)
  }
})

test('what nobody can send any more is not waited for', async t => {
  const { owner, awaits, read, told } = intake(10)
  awaits(6)
  owner.hasEnded = true
  read('ab')
  t.strictSame(told, ['408'])
})

test('an exchange that is over waits for nothing', async t => {
  const { it, awaits, read, told } = intake(10)
  awaits(6)
  read('ab')
  it.drop()
  t.equal(it.isAwaited, false)
  it.read(null)
  t.strictSame(told, ['pause'])
})
