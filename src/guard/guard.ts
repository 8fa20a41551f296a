/** What a guard of an address is. The guards themselves are listed in `guards.ts`. */

export interface Guard {
  /**
   * Looks at what is known of the address and says yes or no, without touching a socket.
   *
   * @param slot of the address, from `AddressTable.acquire()`, this connection counted already
   * @param now  ticks
   * @returns 0, or the number of a refusal (core/refusals.ts)
   */
  check(slot: number, now: number): number
  /** Of guards of a rate: ticks until the address has a token again; 0 if it has one now. */
  wait?(slot: number, now: number): number
}
