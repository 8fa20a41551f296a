/**
 * `weir_session_held_bytes`: a walk over all sessions, a few at each step of the wheel.
 *
 * Looked at instead of counted along: that costs the data path nothing, and cannot drift.
 */
import { Held } from '../transport/held.ts'
import type { Walkable } from './sessions.ts'

/** Sessions looked at in one step: 0.1 ms of work. */
const PER_STEP = 256
/** From the begin of one walk to that of the next, in steps; a second. */
const STEPS = 20

/** A session. */
export interface Holder {
  /** Adds what it holds now. */
  hold(held: Held): void
}

/** The numbers of the last walk that is over, in the words of a slice. */
export interface HeldPlace {
  readonly slice: Float64Array
  /** Four words: from the client, to it, from the backend, to it. */
  readonly sums: number
  /** One word: the session that holds most. */
  readonly max: number
}

export class HeldBytes {
  readonly #holders: Walkable<Holder>
  readonly #place: HeldPlace
  readonly #sum = new Held()
  readonly #one = new Held()
  #max = 0
  #walk: Iterator<Holder> | null = null
  /** Sessions that were there when the walk began: those that come meanwhile must not keep it from ending. */
  #left = 0
  #step = 0

  constructor(holders: Walkable<Holder>, place: HeldPlace) {
    this.#holders = holders
    this.#place = place
  }

  step(): void {
    if (this.#step++ % STEPS === 0 && this.#walk === null) {
      this.#walk = this.#holders.values()
      this.#left = this.#holders.size
    }
    if (this.#walk !== null) this.#look(this.#walk)
  }

  #look(walk: Iterator<Holder>): void {
    for (let n = 0; n < PER_STEP && this.#left > 0; n++) {
      const { done, value } = walk.next()
      if (done === true) {
        this.#left = 0
        break
      }
      this.#left--
      this.#add(value)
    }
    if (this.#left === 0) this.#publish()
  }

  #add(holder: Holder): void {
    const one = this.#one
    const sum = this.#sum
    one.clear()
    holder.hold(one)
    sum.fromClient += one.fromClient
    sum.toClient += one.toClient
    sum.fromBackend += one.fromBackend
    sum.toBackend += one.toBackend
    if (one.total > this.#max) this.#max = one.total
  }

  #publish(): void {
    const { slice, sums, max } = this.#place
    const sum = this.#sum
    slice[sums] = sum.fromClient
    slice[sums + 1] = sum.toClient
    slice[sums + 2] = sum.fromBackend
    slice[sums + 3] = sum.toBackend
    slice[max] = this.#max
    sum.clear()
    this.#max = 0
    this.#walk?.return?.()
    this.#walk = null
  }
}
