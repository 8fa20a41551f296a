/**
 * Who a connection's last request was from, for the next one that says the same: most clients send one credential
 * with all requests of a connection.
 *
 * Nothing is compared but what this very connection said before, so that it tells nobody anything of the
 * credentials of others; and the scheme is asked whether the identity still stands, each time.
 */
import type { Identity } from '../auth/identity.ts'
import type { Policy } from '../auth/policy.ts'
import type { Scheme } from '../auth/scheme.ts'
import type { RequestHead } from '../codec/http1/request-head.ts'

export class KnownClient {
  #head: RequestHead | null = null
  #revision = 0
  #policy: Policy | null = null
  #judge: Scheme | null = null
  #identity: Identity | null = null

  /** @returns null if it said something else, to another policy, or is good no more */
  recall(head: RequestHead, policy: Policy, nowSeconds: number): Identity | null {
    if (head !== this.#head || head.revision !== this.#revision || policy !== this.#policy)
      return null
    const identity = this.#identity!
    return this.#judge!.stands!(identity, nowSeconds) ? identity : null
  }

  /** Who that was that `judge` has let in. What its fields do not say alone is not to be remembered. */
  remember(head: RequestHead, policy: Policy, judge: Scheme, identity: Identity): void {
    if (judge.stands === undefined) return
    this.#head = head
    this.#revision = head.revision
    this.#policy = policy
    this.#judge = judge
    this.#identity = identity
  }

  /** The scheme that let the recalled one in. */
  get judge(): Scheme | null {
    return this.#judge
  }
}
