/**
 * Whether a client that shows a ticket of ours is believed that its handshake will be a resumption, which costs
 * little and is charged to no budget.
 *
 * Only the name of the ticket's key is known before any cryptography, and it is no secret: whoever was here once can
 * put it before garbage, and have a whole handshake. So a promise is taken on trust, and what came of it is told to
 * {@link settle} as soon as TLS has read the hello. One that was broken is charged to the host like any handshake and
 * to its address twice, and trust has bounds: an address needs the two tokens that a lie costs, and the host has a
 * budget of lies, a tenth of that of handshakes. Beyond these a ticket counts for nothing at first; whoever then does
 * resume gets back what it was charged.
 */
import { type AddressTable, HANDSHAKE_BUCKET } from '../shared/address-table.ts'
import { HOST_BROKEN_TICKETS } from '../shared/layout.ts'
import type { HostHandshakeLimits, HostHandshakeRate } from './host-handshake-rate.ts'
import { TokenBuckets } from './token-buckets.ts'

/** Whose token a handshake takes, as bits. */
export const OF_ADDRESS = 1
export const OF_HOST = 2

/** Of the budget of handshakes. */
const LIES_SHARE = 0.1

export interface TicketTrustLimits extends HostHandshakeLimits {
  readonly handshakeRate: number
  readonly handshakeBurst: number
}

export class TicketTrust {
  readonly #addresses: AddressTable
  /** null where there is no limit of that kind. */
  readonly #ofAddress: TokenBuckets | null = null
  readonly #host: HostHandshakeRate | null
  readonly #lies: TokenBuckets | null = null
  /** What an address must have left beyond a token; one that has no more than one at all is believed with it. */
  readonly #reserve: number

  constructor(
    addresses: AddressTable,
    words: Int32Array,
    limits: TicketTrustLimits,
    host: HostHandshakeRate | null,
  ) {
    const { handshakeRate, handshakeBurst, hostHandshakeRate, hostHandshakeBurst } = limits
    this.#addresses = addresses
    this.#host = host
    this.#reserve = Math.min(1, handshakeBurst - 1)
    if (handshakeRate !== 0) {
      this.#ofAddress = new TokenBuckets(addresses.words, {
        rate: handshakeRate,
        burst: handshakeBurst,
      })
    }
    if (host !== null) {
      this.#lies = new TokenBuckets(words, {
        rate: hostHandshakeRate * LIES_SHARE,
        burst: Math.max(1, Math.floor(hostHandshakeBurst * LIES_SHARE)),
      })
    }
  }

  /** @param slot of an address that shows a ticket of ours */
  believes(slot: number, now: number): boolean {
    if (!this.#hasLiesLeft(now)) return false
    if (this.#ofAddress === null) return true
    return this.#ofAddress.wait(this.#bucket(slot), now, this.#reserve) === 0
  }

  /** Whether the address has no token left, so that a handshake would be refused. */
  isSpent(slot: number, now: number): boolean {
    return this.#ofAddress !== null && this.#ofAddress.wait(this.#bucket(slot), now) !== 0
  }

  /** Whether that is all that speaks against believing it. */
  isOnlySpent(slot: number, now: number): boolean {
    return this.#hasLiesLeft(now) && this.isSpent(slot, now)
  }

  /**
   * What became of a handshake with a ticket of ours.
   *
   * @param believed it was not charged; else it was, to its address and to the host
   * @param unpaid who had nothing left to be charged, where its guard is only tried
   */
  settle(slot: number, believed: boolean, resumed: boolean, now: number, unpaid = 0): void {
    if (believed === resumed) return
    if (resumed) {
      if ((unpaid & OF_ADDRESS) === 0) this.#ofAddress?.giveBack(this.#bucket(slot), now)
      if ((unpaid & OF_HOST) === 0) this.#host?.giveBack(now)
      return
    }
    // It is done already: what cannot be taken is not owed.
    this.#ofAddress?.take(this.#bucket(slot), now)
    this.#ofAddress?.take(this.#bucket(slot), now)
    this.#host?.check(slot, now)
    this.#lies?.take(HOST_BROKEN_TICKETS, now)
  }

  #hasLiesLeft(now: number): boolean {
    return this.#lies === null || this.#lies.wait(HOST_BROKEN_TICKETS, now) === 0
  }

  #bucket(slot: number): number {
    return this.#addresses.bucket(slot, HANDSHAKE_BUCKET)
  }
}
