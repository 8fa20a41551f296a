/** What a guard of an address is. The guards themselves are listed in `guards.ts`. */
import type { Delayed } from './delays.ts'

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

export interface RequestGuard extends Omit<Guard, 'check'> {
  /**
   * @param cost    tokens that the request takes of a rate
   * @param request is told how long it has to wait, where it was let in with tokens that are not due yet
   */
  check(slot: number, now: number, cost: number, request: Delayed): number
  /** Of the last one it refused: ticks until it may pass; 0 if nobody can know. */
  readonly waitTicks: number
}
