/**
 * Guards that are tried before they bite, `--shadow`: what they would refuse is counted under the same reason,
 * and let in.
 *
 * Asked only once something was refused: what is let in anyway costs nothing more.
 */
import type { GuardName } from '../core/governed.ts'
import { refusal, refusals } from '../core/refusals.ts'

export interface ShadowParts {
  /** Counters of this worker, and where those by reason stand among them. */
  readonly slice: Float64Array
  readonly at: number
  /** For the log. */
  readonly tell: (refused: number, tried: Tried) => void
}

const BANNED = refusal('banned')

/** Whom a guard says no to, as the log of a refusal names it: whatever the guard counts it under. */
export interface Tried {
  readonly address: string
  readonly listener: string
}

/** Whoever may be found to be banned more than once. */
export interface BanCounted extends Tried {
  banCounted: boolean
}

export class Shadow {
  readonly #isShadow = new Uint8Array(refusals.length)
  readonly #parts: ShadowParts

  constructor(reasons: readonly GuardName[], parts: ShadowParts) {
    for (const reason of reasons) this.#isShadow[refusal(reason)] = 1
    this.#parts = parts
  }

  /** Whether who was refused is let in all the same. Counts it, so it is asked once for each. */
  passes(refused: number, tried: Tried): boolean {
    if (this.#isShadow[refused] === 0) return false
    const { slice, at, tell } = this.#parts
    slice[at + refused]!++
    tell(refused, tried)
    return true
  }

  /**
   * Like {@link passes}, of who is asked again for what a ban would have ended the first time: it counts once.
   *
   * @param asked the connection, or the request that a proxy passed on
   */
  passesOnce(refused: number, asked: BanCounted): boolean {
    if (refused !== BANNED) return this.passes(refused, asked)
    if (this.#isShadow[BANNED] === 1 && asked.banCounted) return true
    asked.banCounted = this.passes(refused, asked)
    return asked.banCounted
  }

  /** Whether this reason is only tried. Counts nothing. */
  isTried(refused: number): boolean {
    return this.#isShadow[refused] === 1
  }
}
