/**
 * The key set of one issuer as a worker has it, and the tokens that wait for a newer one.
 *
 * Main fetches the sets. A kid that is not in the set may be a key that is a moment old: main is asked to look,
 * at most once per cool-down, and tokens wait for that, within bounds. In between such tokens are turned
 * away at once, so that made-up kids cost next to nothing.
 */
import { performance } from 'node:perf_hooks'
import { refusal } from '../core/refusals.ts'
import { KeySet } from './key-set.ts'

/** Main's look takes no longer than its fetch may; a main that says nothing is not waited for. */
const WAIT_MS = 6000
/** Tokens that wait for one look. */
export const WAITING_MAX = 1000
/** A cool-down that is over so soon is sat out: the key may be newer than the look that began it. */
const PAUSE_MAX_MS = 500
const BUSY = refusal('auth-busy')
/** Before a main that said nothing is asked again. */
const SILENT_MS = 5000

export class IssuerKeys {
  /** null before there are any, and once the last good ones are too old. */
  set: KeySet | null = null
  readonly #ask: () => void
  /** On the clock of performance.now(). */
  #askAgainMs = 0
  #waiting: (() => void)[] = []
  #timer: NodeJS.Timeout | null = null

  /** @param ask tells main to look; it answers with {@link IssuerKeys.looked} in the end */
  constructor(ask: () => void) {
    this.#ask = ask
  }

  /** Takes over a set that main found, or null if what there was is too old. */
  replace(next: KeySet | null): void {
    const old = this.set ?? new KeySet([])
    this.set = (next ?? new KeySet([])).succeed(old)
    if (next === null) this.set = null
  }

  /**
   * Waits for main to have looked for newer keys.
   *
   * @returns null if it did so a moment ago: what is not there now will not be; a rejection if too many wait already
   */
  look(): Promise<void> | number | null {
    // What nobody looked for may be good.
    if (this.#waiting.length >= WAITING_MAX) return BUSY
    if (this.#timer === null) {
      const pauseMs = this.#askAgainMs - performance.now()
      if (pauseMs > PAUSE_MAX_MS) return null
      if (pauseMs <= 0) this.#askNow()
      else this.#setTimer(() => this.#askNow(), pauseMs)
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push(resolve)
    return promise
  }

  #askNow(): void {
    this.#setTimer(() => this.looked(SILENT_MS), WAIT_MS)
    this.#ask()
  }

  #setTimer(callback: () => void, ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(callback, ms)
    this.#timer.unref()
  }

  /** Main has looked: what it found was given to {@link IssuerKeys.replace} before. */
  looked(askAgainInMs: number): void {
    this.#askAgainMs = performance.now() + askAgainInMs
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}
