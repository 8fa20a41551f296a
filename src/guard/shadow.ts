/**
 * Guards that are tried before they bite, `--shadow`: what they would refuse is counted under the same reason,
 * and let in.
 *
 * Asked only once something was refused: what is let in anyway costs nothing more.
 */
import { formatAddress } from '../core/address.ts'
import { formatCounted } from '../core/prefix-words.ts'
import type { GuardName } from '../core/governed.ts'
import { refusal, refusals } from '../core/refusals.ts'
import type { AddressTable } from '../shared/address-table.ts'

export interface ShadowParts {
  readonly addresses: AddressTable
  /** Counters of this worker, and where those by reason stand among them. */
  readonly slice: Float64Array
  readonly at: number
  /** For the log. @param client what the guard counts it under; '' where it counts no address */
  readonly tell: (refused: number, client: () => string) => void
}

const BANNED = refusal('banned')

/** Whoever may be found to be banned more than once. */
export interface BanCounted {
  banCounted: boolean
}

export class Shadow {
  readonly #isShadow = new Uint8Array(refusals.length)
  readonly #parts: ShadowParts

  constructor(reasons: readonly GuardName[], parts: ShadowParts) {
    for (const reason of reasons) this.#isShadow[refusal(reason)] = 1
    this.#parts = parts
  }

  /**
   * Whether what was refused is let in all the same. Counts it, so it is asked once for each.
   *
   * @param slot of the address that was refused; -1 where it has none
   */
  passes(refused: number, slot: number): boolean {
    if (this.#isShadow[refused] === 0) return false
    this.#note(refused, () =>
      slot === -1 ? '' : formatCounted(this.#parts.addresses.address(slot)),
    )
    return true
  }

  /**
   * Like {@link passes}, of who is asked again for what a ban would have ended the first time: it counts once.
   *
   * @param asked the connection, or the request that a proxy passed on
   */
  passesOnce(refused: number, slot: number, asked: BanCounted): boolean {
    if (refused !== BANNED) return this.passes(refused, slot)
    if (this.#isShadow[BANNED] === 1 && asked.banCounted) return true
    asked.banCounted = this.passes(refused, slot)
    return asked.banCounted
  }

  /** Like {@link passes}, of an address that has no slot yet. */
  passesAddress(refused: number, address: Int32Array): boolean {
    if (this.#isShadow[refused] === 0) return false
    this.#note(refused, () => formatAddress(address))
    return true
  }

  /** Whether this reason is only tried. Counts nothing. */
  isTried(refused: number): boolean {
    return this.#isShadow[refused] === 1
  }

  #note(refused: number, client: () => string): void {
    const { slice, at, tell } = this.#parts
    slice[at + refused]!++
    tell(refused, client)
  }
}
