/** When a client is read that sends a body faster than `--body-rate` lets it: it waits, and is told by nothing but TCP. */
import { TICKS_PER_SECOND, ticks } from '../core/clock.ts'
import type { BodyRate } from '../guard/body-rate.ts'
import type { RequestPlace } from '../guard/request-admission.ts'
import { Deadline, type Deadlines } from '../transport/deadlines.ts'

export interface BodyShaperParts {
  readonly rate: BodyRate
  readonly deadlines: Deadlines
  /** Counters of this worker, and where that of pauses stands among them. */
  readonly slice: Float64Array
  readonly at: { readonly bodyPauses: number }
  /** There may be more to read again. */
  readonly onFree: () => void
  /** Of the request whose body it is. */
  readonly place: RequestPlace
}

export class BodyShaper {
  readonly #parts: BodyShaperParts
  readonly #deadline: Deadline

  constructor(parts: BodyShaperParts) {
    this.#parts = parts
    this.#deadline = new Deadline(parts.onFree)
  }

  /** A new body. */
  begin(): void {
    this.#parts.deadlines.clear(this.#deadline)
  }

  /**
   * Whether the client is not to be read now; then `onFree` follows.
   *
   * @param slot of the address whose request it is, held by the caller
   */
  holds(slot: number): boolean {
    const { rate, deadlines, slice, at } = this.#parts
    const wait = rate.wait(slot, ticks())
    if (wait === 0) {
      if (this.#deadline.due !== 0) deadlines.clear(this.#deadline)
      return false
    }
    if (rate.isTried) {
      rate.note(this.#parts.place)
      return false
    }
    if (this.#deadline.due === 0) slice[at.bodyPauses]!++
    deadlines.set(this.#deadline, Math.ceil((wait * 1000) / TICKS_PER_SECOND))
    return true
  }

  /** Bytes were read, framing included. @param slot -1 if the request is over, whyever */
  took(slot: number, bytes: number): void {
    if (slot !== -1 && bytes > 0) this.#parts.rate.took(slot, bytes, ticks())
  }

  /** The connection is over. */
  stop(): void {
    this.#deadline.stop()
  }
}
