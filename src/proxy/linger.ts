/**
 * The end of a connection whose last response is written: what of it still lies here goes out first, for as long as the client
 * takes it, and then the client has a moment to read what the kernel has (RFC 9112 §9.6).
 */
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { HttpConfig } from '../config/config.ts'
import type { PlainSocket } from '../transport/plain-socket.ts'
import { unsentBytes } from '../transport/unsent.ts'
import { isTooSlow } from './client-writer.ts'

/** How long a client may take to read what the kernel has. */
export const LINGER_MS = 2000

export class Linger {
  readonly #socket: Socket | PlainSocket
  readonly #plain: Socket | PlainSocket
  readonly #limits: Pick<HttpConfig, 'writeTimeoutMs' | 'writeRateMin'>
  readonly #sinceMs = performance.now()
  readonly #unsentFirst: number
  #movedMs = this.#sinceMs
  #unsent: number

  /**
   * @param socket what is written to
   * @param plain  the TCP socket below it; the same one without TLS
   */
  constructor(
    socket: Socket | PlainSocket,
    plain: Socket | PlainSocket,
    limits: Pick<HttpConfig, 'writeTimeoutMs' | 'writeRateMin'>,
  ) {
    this.#socket = socket
    this.#plain = plain
    this.#limits = limits
    this.#unsentFirst = unsentBytes(socket, plain)
    this.#unsent = this.#unsentFirst
  }

  /** The kernel had all of it when that was looked at. */
  get isOut(): boolean {
    return this.#unsent === 0
  }

  /** Each {@link LINGER_MS}. @returns whether it has been long enough */
  isOver(): boolean {
    const before = this.#unsent
    const unsent = unsentBytes(this.#socket, this.#plain)
    if (unsent === 0 && before === 0) return true
    const nowMs = performance.now()
    this.#unsent = unsent
    if (unsent < before) this.#movedMs = nowMs
    if (unsent === 0) return false
    const taken = this.#unsentFirst - unsent
    return isTooSlow(this.#limits, taken, nowMs - this.#sinceMs, nowMs - this.#movedMs)
  }
}
