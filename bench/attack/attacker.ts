/**
 * The attacker, a process: `node bench/attack/attacker.ts ORDER`, where ORDER is JSON. Prints what it did as one
 * line at its end. It has its connections in hand all the time: one that ends makes place for the next.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Assault } from './attack.ts'
import { type Behaviour, type BehaviourName, behaviours, useClientHello } from './behaviours.ts'
import { RawConnection, type RawOwner, received } from './raw.ts'
import { type SourceName, sourceOf, targetOf } from './sources.ts'

export interface Order {
  readonly behaviour: BehaviourName
  readonly source: SourceName
  readonly port: number
  readonly concurrency: number
  /** Events at most; as fast as they are answered if undefined. */
  readonly perSecond: number | undefined
  readonly seconds: number
}

const DRIP_MS = 1000
/** A kernel that drops what a banned address sends does not answer at all. */
const CONNECT_MS = 5
const ANSWER_MS = 500
const LOOK_MS = 5
const TICK_MS = 2
const PACE_BURST = 100
/** Where the status of an answer begins: `HTTP/1.1 200`. */
const STATUS_AT = 9
const STATUS_END = 12
/** Types of TLS records, RFC 8446 §5.1. */
const ALERT = 21
const HANDSHAKE = 22

class Attacker {
  readonly order: Order
  readonly behaviour: Behaviour
  readonly outcomes: Record<string, number> = {}
  events = 0
  isOver = false
  #connections = 0
  /** Those that are to act when it is time. */
  readonly #waiting: Slot[] = []
  #acted = 0

  constructor(order: Order) {
    this.order = order
    this.behaviour = behaviours[order.behaviour]
  }

  nextSource(): string {
    return sourceOf(this.order.source, this.#connections++)
  }

  /** It acts at once, or when the pace allows. */
  queue(slot: Slot): void {
    if (this.order.perSecond === undefined) slot.act()
    else this.#waiting.push(slot)
  }

  /** What was missed is not made up for: no burst follows when nobody could act for a while. */
  pace(ms: number): void {
    const due = ((this.order.perSecond ?? 0) * ms) / 1000
    this.#acted = Math.max(this.#acted, due - PACE_BURST)
    for (; this.#acted < due && this.#waiting.length > 0; this.#acted++)
      this.#waiting.shift()!.act()
  }

  count(outcome: string): void {
    if (this.isOver) return
    this.events++
    this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1
  }
}

/** One of the connections it has at once. */
class Slot implements RawOwner {
  readonly #attacker: Attacker
  readonly #connection = new RawConnection(this)
  /** When it was connected, 0 if it is not yet, and when it did something last; of the present connection. */
  connectedMs = 0
  #actedMs = 0
  #answered = false
  #isQueued = false

  constructor(attacker: Attacker) {
    this.#attacker = attacker
  }

  /** The next thing: another request on its connection, or another connection. */
  act(): void {
    const { order, isOver, behaviour } = this.#attacker
    this.#isQueued = false
    if (isOver) return
    this.#actedMs = performance.now()
    this.#answered = false
    if (this.#connection.isOpen) return this.#connection.write(behaviour.again!())
    this.connectedMs = 0
    this.#connection.dial(this.#attacker.nextSource(), targetOf(order.source), order.port)
  }

  onConnected(): void {
    const { behaviour } = this.#attacker
    this.connectedMs = performance.now()
    if (behaviour.holds) this.#attacker.count('open')
    if (!behaviour.deaf) this.#connection.read()
    if (behaviour.hello !== undefined) this.#connection.write(behaviour.hello())
    if (behaviour.hasty) setImmediate(() => this.#end('reset'))
  }

  onBytes(count: number): void {
    const { behaviour } = this.#attacker
    if (behaviour.holds) return
    const { again } = behaviour
    if (again === undefined) return this.#end(outcomeOf(count))
    // The rest of a long answer.
    if (this.#answered) return
    this.#answered = true
    this.#attacker.count(outcomeOf(count))
    this.#queue()
  }

  onClosed(): void {
    const { behaviour } = this.#attacker
    // It waits for its turn already.
    if (this.#isQueued) return
    // One that was answered and then closed was counted with the answer.
    if (!behaviour.holds && !this.#answered) {
      const wasThere = this.connectedMs !== 0 || this.#connection.wasReset
      this.#attacker.count(wasThere ? 'refused' : 'not connected')
    }
    // Not at once: it may be closed within the call that dials.
    setImmediate(() => this.#queue())
  }

  drip(): void {
    const { drip } = this.#attacker.behaviour
    if (drip !== undefined && this.connectedMs !== 0) this.#connection.write(drip())
  }

  /** Gives up what takes too long. */
  look(nowMs: number): void {
    if (this.#isQueued || !this.#connection.isOpen) return
    if (this.connectedMs === 0) {
      if (nowMs - this.#actedMs > CONNECT_MS) this.#end('no answer')
      return
    }
    const { holds, patienceMs = Number.POSITIVE_INFINITY } = this.#attacker.behaviour
    if (nowMs - this.connectedMs > patienceMs) this.#end('open')
    else if (!holds && nowMs - this.#actedMs > ANSWER_MS) this.#end('no answer')
  }

  reset(): void {
    this.#connection.reset()
  }

  #end(outcome: string): void {
    if (!this.#connection.isOpen) return
    this.#connection.reset()
    // One that is held was counted when it was connected.
    if (!this.#attacker.behaviour.holds) this.#attacker.count(outcome)
    this.#queue()
  }

  #queue(): void {
    this.#isQueued = true
    this.#attacker.queue(this)
  }
}

function outcomeOf(count: number): string {
  if (received[0] === ALERT) return 'alert'
  if (received[0] === HANDSHAKE) return 'handshake'
  if (count < STATUS_END || received[0] !== 'H'.charCodeAt(0)) return 'answered'
  return received.toString('latin1', STATUS_AT, STATUS_END)
}

/** What Node's own client says first, with one share of X25519: all the proxies know that. */
async function recordClientHello(): Promise<Uint8Array> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = connectTls({ port, host: '127.0.0.1', ecdhCurve: 'X25519', minVersion: 'TLSv1.3' })
  client.on('error', () => {})
  const [socket] = (await once(server, 'connection')) as [Socket]
  const [hello] = (await once(socket, 'data')) as [Buffer]
  client.destroy()
  socket.destroy()
  server.close()
  return hello
}

async function attack(order: Order): Promise<Assault> {
  if (order.behaviour === 'hello') useClientHello(await recordClientHello())
  const attacker = new Attacker(order)
  const slots = Array.from({ length: order.concurrency }, () => new Slot(attacker))
  const startMs = Date.now()
  for (const slot of slots) attacker.queue(slot)
  const pacing = setInterval(() => attacker.pace(Date.now() - startMs), TICK_MS)
  const dripping = setInterval(() => slots.forEach(slot => slot.drip()), DRIP_MS)
  const look = (): void => {
    const nowMs = performance.now()
    for (const slot of slots) slot.look(nowMs)
  }
  // After what is there was read: this process yields to others, and is late itself.
  const looking = setInterval(() => setImmediate(look), LOOK_MS)
  await new Promise(resolve => setTimeout(resolve, order.seconds * 1000))
  attacker.isOver = true
  const endMs = Date.now()
  clearInterval(pacing)
  clearInterval(dripping)
  clearInterval(looking)
  for (const slot of slots) slot.reset()
  const { events, outcomes } = attacker
  return { events, outcomes, startMs, endMs }
}

const assault = await attack(JSON.parse(process.argv[2] ?? '{}') as Order)
process.stdout.write(`${JSON.stringify(assault)}\n`, () => process.exit(0))
