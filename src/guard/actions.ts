/**
 * What is done with whom a guard refused, `--action`. Asked only once something was refused: where nothing is, it
 * costs nothing.
 */
import { action, actions, type GuardAction } from '../core/actions.ts'
import { refusal, refusals } from '../core/refusals.ts'

/** The usual: the answer or alert of the protocol; a reset where none is spoken yet. */
export const REJECT = action('reject')
export const RESET = action('reset')
export const CLOSE = action('close')
export const TARPIT = action('tarpit')

export class Actions {
  readonly #byRefusal = new Int8Array(refusals.length)
  readonly #slice: Float64Array
  readonly #at: number

  /**
   * @param slice counters of this worker
   * @param at    where those by reason and action stand among them
   */
  constructor(chosen: readonly GuardAction[], slice: Float64Array, at: number) {
    // Those who are held are not refused (delays.ts); who cannot be held is, as usual.
    for (const { guard, action: name } of chosen) {
      if (name !== 'delay') this.#byRefusal[refusal(guard)] = action(name)
    }
    this.#slice = slice
    this.#at = at
  }

  /** @returns its number; {@link REJECT} where none was chosen */
  of(refused: number): number {
    return this.#byRefusal[refused]!
  }

  /** Counts what was done in place of the usual. */
  took(refused: number, taken: number): void {
    this.#slice[this.#at + refused * actions.length + taken]!++
  }
}
