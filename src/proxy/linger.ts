/**
 * The end of a connection whose last response is written: what of it still lies here goes out first, for as long as the client
 * takes it, and then the client has a moment to read what the kernel has (RFC 9112 §9.6).
 */
import { Uptake } from './uptake.ts'

/** How long a client may take to read what the kernel has. */
export const LINGER_MS = 2000

export class Linger {
  readonly #uptake: Uptake

  /** Takes what {@link Uptake} does. */
  constructor(...parts: ConstructorParameters<typeof Uptake>) {
    this.#uptake = new Uptake(...parts)
  }

  /** The kernel had all of it when that was looked at. */
  get isOut(): boolean {
    return this.#uptake.unsent === 0
  }

  /** Each {@link LINGER_MS}. @returns whether it has been long enough */
  isOver(): boolean {
    const wasOut = this.isOut
    const isTooSlow = this.#uptake.isTooSlow()
    return this.isOut ? wasOut : isTooSlow
  }
}
