/**
 * What every thread knows about each worker: a cache line each, and one line for the whole host.
 *
 * `connections` of a worker and of the host are changed together by that worker alone; main gives a
 * dead worker's share back.
 */
const WORDS = 16
const HEARTBEAT = 0
const CONNECTIONS = 1

/** Of the host's own line, which comes first. */
const HOST_CONNECTIONS = 0
const HOST_DRAINING = 1

export class WorkerTable {
  readonly count: number
  readonly #words: Int32Array

  constructor(memory: SharedArrayBuffer, offset: number, workers: number) {
    this.count = workers
    this.#words = new Int32Array(memory, offset, (workers + 1) * WORDS)
  }

  static bytes(workers: number): number {
    return (workers + 1) * WORDS * Int32Array.BYTES_PER_ELEMENT
  }

  /** Called by the worker's event loop, a few times a second: it makes progress. */
  beat(worker: number): void {
    Atomics.add(this.#words, (worker + 1) * WORDS + HEARTBEAT, 1)
  }

  /** A number that changes while the worker makes progress. */
  heartbeat(worker: number): number {
    return Atomics.load(this.#words, (worker + 1) * WORDS + HEARTBEAT)
  }

  /** @returns false, and counts nothing, if the host holds `max` connections; 0 is no limit */
  enter(worker: number, max: number): boolean {
    const before = Atomics.add(this.#words, HOST_CONNECTIONS, 1)
    if (max !== 0 && before >= max) {
      Atomics.sub(this.#words, HOST_CONNECTIONS, 1)
      return false
    }
    Atomics.add(this.#words, (worker + 1) * WORDS + CONNECTIONS, 1)
    return true
  }

  leave(worker: number): void {
    Atomics.sub(this.#words, (worker + 1) * WORDS + CONNECTIONS, 1)
    Atomics.sub(this.#words, HOST_CONNECTIONS, 1)
  }

  connections(worker: number): number {
    return Atomics.load(this.#words, (worker + 1) * WORDS + CONNECTIONS)
  }

  hostConnections(): number {
    return Atomics.load(this.#words, HOST_CONNECTIONS)
  }

  /** Main: gives back what a dead worker held. */
  giveBack(worker: number): void {
    const held = Atomics.exchange(this.#words, (worker + 1) * WORDS + CONNECTIONS, 0)
    Atomics.sub(this.#words, HOST_CONNECTIONS, held)
  }

  setDraining(): void {
    Atomics.store(this.#words, HOST_DRAINING, 1)
  }

  isDraining(): boolean {
    return Atomics.load(this.#words, HOST_DRAINING) === 1
  }
}
