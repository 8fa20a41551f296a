/** The body of one request after the other, as a client sends it: its framing, its size, its pace. */
import { type ChunkOwner, ChunkReader } from '../codec/http1/chunks.ts'
import { CHUNKED } from '../codec/http1/framing.ts'
import { BodyPace } from './body-pace.ts'
import type { ClientInput } from './client-input.ts'

/** Who the pieces of a body are for. */
export interface BodyTaker {
  /**
   * A piece of it, without its framing.
   *
   * @param lasting the bytes stay as they are until the session is told to feed more
   * @returns false if the next one is to wait
   */
  onBody(bytes: Buffer, start: number, end: number, lasting: boolean): boolean
}

/** `read()`: all that came so far is as it should be. */
export const FINE = 0
/** Other answers are the status to refuse with. */
export const MALFORMED = 400
export const TOO_LARGE = 413

export class ClientBody implements ChunkOwner {
  readonly pace = new BodyPace()
  /** null before the first body in chunks. */
  #chunks: ChunkReader | null = null
  readonly #onFull: () => void
  #taker: BodyTaker | null = null
  #left = 0
  #max = 0
  #taken = 0
  #lasting = true

  /** @param onFull the taker wants the next piece to wait */
  constructor(onFull: () => void) {
    this.#onFull = onFull
  }

  /** @param length bytes, or CHUNKED */
  begin(length: number): void {
    this.#left = length
    this.#taken = 0
    this.pace.reset()
    if (length !== CHUNKED) return
    this.#chunks ??= new ChunkReader()
    this.#chunks.reset()
  }

  /** Nobody takes what still comes. */
  drop(): void {
    this.#taker = null
  }

  get isWhole(): boolean {
    return this.#left === CHUNKED ? this.#chunks!.done : this.#left === 0
  }

  /**
   * Hands over what came of the body, as far as it has come.
   *
   * @param max  bytes it may have; 0 for any number
   * @param stop no byte from here on
   * @returns FINE, MALFORMED or TOO_LARGE
   */
  read(input: ClientInput, taker: BodyTaker, max: number, stop = input.end): number {
    const before = this.#taken
    this.#taker = taker
    this.#max = max
    this.#lasting = input.lasting
    if (this.#left === CHUNKED) {
      const stopped = this.#chunks!.read(input.bytes, input.at, stop, this)
      if (stopped === -1) return MALFORMED
      if (this.#isTooLarge()) return TOO_LARGE
      input.at = stopped
    } else {
      const start = input.at
      const end = Math.min(stop, start + this.#left)
      this.#left -= end - start
      input.at = end
      this.onData(input.bytes, start, end)
    }
    this.pace.took(this.#taken - before)
    return FINE
  }

  onData(bytes: Buffer, start: number, end: number): void {
    if (this.#taker === null) return
    this.#taken += end - start
    if (this.#isTooLarge()) return
    if (!this.#taker.onBody(bytes, start, end, this.#lasting)) this.#onFull()
  }

  #isTooLarge(): boolean {
    return this.#max !== 0 && this.#taken > this.#max
  }
}
