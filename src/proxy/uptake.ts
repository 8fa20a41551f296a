/**
 * How fast a client takes what was written for it.
 *
 * What counts is what the kernel took, not whether a write is done: one write may be 256 KiB.
 */
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { HttpConfig } from '../config/config.ts'
import type { PlainSocket } from '../transport/plain-socket.ts'
import { unsentBytes } from '../transport/unsent.ts'

/** Before this no rate is asked of it. */
const GRACE_MS = 10_000

export type UptakeLimits = Pick<HttpConfig, 'writeTimeoutMs' | 'writeRateMin'>

export class Uptake {
  /** Bytes that the kernel had not taken when that was looked at. */
  unsent = 0
  readonly #socket: Socket | PlainSocket
  readonly #plain: Socket | PlainSocket
  readonly #limits: UptakeLimits
  #sinceMs = 0
  #movedMs = 0
  #unsentFirst = 0

  /**
   * @param socket what is written to
   * @param plain  the TCP socket below it; the same one without TLS
   */
  constructor(socket: Socket | PlainSocket, plain: Socket | PlainSocket, limits: UptakeLimits) {
    this.#socket = socket
    this.#plain = plain
    this.#limits = limits
    this.begin()
  }

  /** It is waited for from here on. */
  begin(): void {
    this.#sinceMs = performance.now()
    this.#movedMs = this.#sinceMs
    this.unsent = unsentBytes(this.#socket, this.#plain)
    this.#unsentFirst = this.unsent
  }

  /** Looks. @returns whether it takes too little (`--write-rate-min`), or nothing for too long (`--write-timeout`) */
  isTooSlow(): boolean {
    const { writeTimeoutMs, writeRateMin } = this.#limits
    const nowMs = performance.now()
    const unsent = unsentBytes(this.#socket, this.#plain)
    if (unsent < this.unsent) this.#movedMs = nowMs
    this.unsent = unsent
    if (nowMs - this.#movedMs >= writeTimeoutMs) return true
    const waitedMs = nowMs - this.#sinceMs
    return waitedMs > GRACE_MS && (this.#unsentFirst - unsent) * 1000 < writeRateMin * waitedMs
  }
}
