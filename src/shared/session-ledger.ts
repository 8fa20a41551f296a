/**
 * Which addresses each worker's sessions are counted under.
 *
 * The address table counts connections of all workers in one word, so it cannot tell whose they
 * were. Each worker writes here what it added; when it dies, main reads it and takes it back.
 */
import type { AddressTable } from './address-table.ts'

export class SessionLedger {
  readonly #slots: Int32Array
  readonly #perWorker: number

  constructor(memory: SharedArrayBuffer, offset: number, workers: number, perWorker: number) {
    this.#slots = new Int32Array(memory, offset, workers * perWorker)
    this.#perWorker = perWorker
  }

  static bytes(workers: number, perWorker: number): number {
    return workers * perWorker * Int32Array.BYTES_PER_ELEMENT
  }

  /** @param entry the session's number within its worker, below `perWorker` */
  write(worker: number, entry: number, slot: number): void {
    Atomics.store(this.#slots, worker * this.#perWorker + entry, slot + 1)
  }

  erase(worker: number, entry: number): void {
    Atomics.store(this.#slots, worker * this.#perWorker + entry, 0)
  }

  /** Main: takes back every connection a dead worker had counted. */
  giveBack(worker: number, addresses: AddressTable): void {
    const first = worker * this.#perWorker
    for (let i = first; i < first + this.#perWorker; i++) {
      const slot = Atomics.exchange(this.#slots, i, 0)
      if (slot !== 0) addresses.leave(slot - 1)
    }
  }
}
