/** Forged tokens, each another, as fast as they are answered up to a rate; and a client beside them that behaves. */
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { Socket } from 'node:net'
import { dial } from './work.ts'

const RATE = 10_000
const CONNECTIONS = 32
const TICK_MS = 10
const POLITE_PAUSE_MS = 10
const ATTACKER = '127.0.0.66'
const POLITE = '127.0.0.1'

export interface Flood {
  readonly statuses: ReadonlyMap<string, number>
  readonly perSecond: number
  /** Of the client that behaves. */
  readonly p99Ms: number
  readonly failures: number
}

/** @param forge makes the next one; null floods with nothing */
export async function floodWithForged(
  port: number,
  token: string,
  forge: (() => string) | null,
  seconds: number,
): Promise<Flood> {
  const endsMs = performance.now() + seconds * 1000
  const statuses = new Map<string, number>()
  const flood = forge === null ? Promise.resolve() : attack(port, forge, endsMs, statuses)
  const times: number[] = []
  let failures = 0
  const socket = await dial(port, POLITE)
  while (performance.now() < endsMs) {
    const startedMs = performance.now()
    socket.write(request(token))
    const [answer] = (await once(socket, 'data')) as [Buffer]
    if (!answer.toString('latin1').startsWith('HTTP/1.1 200')) failures++
    times.push(performance.now() - startedMs)
    await pause(POLITE_PAUSE_MS)
  }
  await flood
  socket.destroy()
  times.sort((a, b) => a - b)
  const answered = [...statuses.values()].reduce((sum, each) => sum + each, 0)
  return {
    statuses,
    perSecond: answered / seconds,
    p99Ms: times[Math.floor(times.length * 0.99)] ?? 0,
    failures,
  }
}

async function attack(
  port: number,
  forge: () => string,
  endsMs: number,
  statuses: Map<string, number>,
): Promise<void> {
  const open = new Set<Socket>()
  let waiting = 0
  const connect = async (): Promise<void> => {
    const socket = await dial(port, ATTACKER)
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      open.delete(socket)
      if (performance.now() < endsMs) void connect()
    })
    socket.on('data', (chunk: Buffer) => {
      for (const [, status = ''] of chunk.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3})/g)) {
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        waiting--
      }
    })
  }
  for (let i = 0; i < CONNECTIONS; i++) await connect()
  const beganMs = performance.now()
  let sent = 0
  while (performance.now() < endsMs) {
    const sockets = [...open]
    // What is due by now, a timer that is late included; and no more than a proxy that keeps up would have in hand.
    const due = ((performance.now() - beganMs) * RATE) / 1000
    const burst = Math.min(due - sent, RATE / 10 - waiting)
    for (let i = 0; i < burst && sockets.length > 0; i++) {
      sockets[i % sockets.length]!.write(request(forge()))
      waiting++
      sent++
    }
    await pause(TICK_MS)
  }
  for (const socket of open) socket.destroy()
}

function request(token: string): string {
  return `GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`
}
