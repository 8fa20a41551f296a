/**
 * Which addresses each worker's requests in flight are counted under, for main to take back when a
 * worker dies: as session-ledger.ts, a line per request.
 *
 * A request that came over a connection of another address (a trusted proxy's) holds its slot itself;
 * one of the connection's own address does not. Plain stores: main reads when the worker has ended.
 */
import type { AddressTable } from './address-table.ts'

/** Low bits of a line; one without either owes nothing. Slots have 25 bits at most. */
const HOLDS = 1
const COUNTED = 2

export class RequestLedger {
  readonly #lines: Int32Array
  readonly #perWorker: number

  constructor(memory: SharedArrayBuffer, offset: number, workers: number, perWorker: number) {
    this.#lines = new Int32Array(memory, offset, workers * perWorker)
    this.#perWorker = perWorker
  }

  static bytes(workers: number, perWorker: number): number {
    return workers * perWorker * Int32Array.BYTES_PER_ELEMENT
  }

  /**
   * @param line    the request's number within its worker, below `perWorker`
   * @param holds   the request pinned the slot
   * @param counted it is one of the requests of the slot
   */
  write(worker: number, line: number, slot: number, holds: boolean, counted: boolean): void {
    const flags = (holds ? HOLDS : 0) | (counted ? COUNTED : 0)
    this.#lines[worker * this.#perWorker + line] = (slot << 2) | flags
  }

  erase(worker: number, line: number): void {
    this.#lines[worker * this.#perWorker + line] = 0
  }

  /** Main: takes back every request a dead worker had counted. */
  giveBack(worker: number, addresses: AddressTable): void {
    const first = worker * this.#perWorker
    for (let i = first; i < first + this.#perWorker; i++) {
      const line = Atomics.exchange(this.#lines, i, 0)
      if (line === 0) continue
      if ((line & COUNTED) !== 0) addresses.leaveRequest(line >> 2)
      if ((line & HOLDS) !== 0) addresses.unpin(line >> 2)
    }
  }
}
