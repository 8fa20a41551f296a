/**
 * When a client is read that sends a body faster than `--body-rate` lets it: it waits, and is told by nothing but TCP.
 *
 * What it sent itself it waits for as long as that takes. What others of its address owe is no fault of its own, and whoever
 * waits has a connection to a backend: so much longer it waits as a body may be silent, and no body waits for ever.
 */
import { msToTicks, TICKS_PER_SECOND, ticks } from '../core/clock.ts'
import type { BodyRate } from '../guard/body-rate.ts'
import type { RequestPlace } from '../guard/request-admission.ts'
import { Deadline, type DeadlineOwner, type Deadlines, STEP_MS } from '../transport/deadlines.ts'

/**
 * Who has to be read soon, or is refused, wakes a little sooner than others of its address, in other workers too. Else one
 * worker could always be first by its clock, and who has been read just now the first of that worker again.
 */
const LAG_OF_PATIENCE = 64
const LAG_TICKS_MAX = msToTicks(3 * STEP_MS)
/** In place of it, who has not waited yet. */
const NEW_TICKS = msToTicks(4 * STEP_MS)

/** `hold()`: it may be read. */
export const FREE = 0
/** It is not to be read now; `onFree` follows. */
export const HELD = 1
/** It would wait too long, and was refused. */
export const LATE = 2

export interface BodyShaperParts {
  readonly rate: BodyRate
  readonly deadlines: Deadlines
  /** Counters of this worker, and where that of pauses stands among them. */
  readonly slice: Float64Array
  readonly at: { readonly bodyPauses: number }
  /** There may be more to read again. */
  readonly onFree: () => void
  readonly onRefused: (refused: number) => void
  /** Of the request whose body it is. */
  readonly place: RequestPlace
}

export class BodyShaper implements DeadlineOwner {
  readonly #parts: BodyShaperParts
  readonly #deadline: Deadline
  /** Step since which it is held; 0 while it is not. */
  #since = 0
  /** Ticks that the last read of this body is worth. */
  #own = 0

  constructor(parts: BodyShaperParts) {
    this.#parts = parts
    this.#deadline = new Deadline(this)
  }

  onDeadline(): void {
    this.#parts.onFree()
  }

  /** A new body. */
  begin(): void {
    this.#parts.deadlines.clear(this.#deadline)
    this.#since = 0
    this.#own = 0
  }

  /**
   * Asks whether the client is to be read now: FREE, HELD or LATE.
   *
   * @param slot      of the address whose request it is, held by the caller
   * @param othersMs  as long as it may have to wait for others of its address
   */
  hold(slot: number, othersMs: number): number {
    const { rate, deadlines, place } = this.#parts
    const now = ticks()
    const wait = rate.wait(slot, now)
    if (wait === 0) {
      if (this.#since !== 0) deadlines.clear(this.#deadline)
      this.#since = 0
      return FREE
    }
    if (rate.isTried) {
      rate.note(place)
      return FREE
    }
    if (this.#since === 0) this.#since = deadlines.now
    const held = msToTicks((deadlines.now - this.#since) * STEP_MS)
    const patience = this.#own + msToTicks(othersMs) - held
    if (wait > patience) {
      deadlines.clear(this.#deadline)
      this.#parts.onRefused(rate.refuse(place, wait, now))
      return LATE
    }
    const lag = Math.min(LAG_TICKS_MAX, patience / LAG_OF_PATIENCE)
    this.#wait(wait + (held === 0 ? NEW_TICKS : lag))
    return HELD
  }

  #wait(wait: number): void {
    const { deadlines, slice, at } = this.#parts
    if (this.#deadline.due === 0) slice[at.bodyPauses]!++
    deadlines.set(this.#deadline, Math.ceil((wait * 1000) / TICKS_PER_SECOND))
  }

  /** Bytes to read now at most. */
  turn(slot: number): number {
    return this.#parts.rate.turn(slot, ticks())
  }

  /** Bytes were read, framing included. @param slot -1 if the request is over, whyever */
  took(slot: number, bytes: number): void {
    if (slot === -1 || bytes === 0) return
    const { rate } = this.#parts
    this.#own = rate.worth(bytes)
    rate.took(slot, bytes, ticks())
  }

  /** The connection is over. */
  stop(): void {
    this.#deadline.stop()
  }
}
