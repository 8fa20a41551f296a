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
  /** Counts what is let in although it was refused (`--shadow`); where a guard counts nothing there is none. */
  letIn?(slot: number): void
}

export interface RequestGuard extends Guard {
  /** @param cost tokens that the request takes of a rate; 1 unless its route says so */
  check(slot: number, now: number, cost?: number): number
  /** Of the last one it refused: ticks until it may pass; 0 if nobody can know. */
  readonly waitTicks: number
}
