/** What load generators have in common. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** What a generator did. */
export interface Work {
  readonly operations: number
  readonly failures: number
  readonly p50Ms?: number
  readonly p99Ms?: number
}

export type Generator = (port: number, count: number, concurrency: number) => Promise<Work>

/** @param share of the values below the one returned, 0 to 1 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export async function many(
  count: number,
  concurrency: number,
  one: () => Promise<void>,
): Promise<Work> {
  let left = count
  let failures = 0
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (left-- > 0) await one().catch(() => failures++)
    }),
  )
  return { operations: count, failures }
}

export async function dial(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

export async function close(socket: Socket): Promise<void> {
  const closed = once(socket, 'close')
  socket.end()
  await closed
}
