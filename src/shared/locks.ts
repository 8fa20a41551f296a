/**
 * Locks for the few changes that need more than one word at once, one per group of sets.
 *
 * A lock holds the number of its owner, so that main can break the locks of a worker that died with
 * them. They are held for less than a microsecond, without any call that could throw or wait.
 */
import assert from 'node:assert/strict'

const COUNT = 256
const FREE = 0
const SPINS = 64

export class Locks {
  /** Who takes locks through this view: the worker's number, or -1 before it is known. */
  owner = 0
  readonly #words: Int32Array

  constructor(memory: SharedArrayBuffer, offset: number) {
    this.#words = new Int32Array(memory, offset, COUNT)
  }

  static bytes(): number {
    return COUNT * Int32Array.BYTES_PER_ELEMENT
  }

  /** Takes the locks of two sets, the lower first: two threads can then never wait for each other. */
  take(setA: number, setB: number): void {
    const a = setA % COUNT
    const b = setB % COUNT
    this.#takeOne(a < b ? a : b)
    if (a !== b) this.#takeOne(a < b ? b : a)
  }

  release(setA: number, setB: number): void {
    const a = setA % COUNT
    const b = setB % COUNT
    this.#releaseOne(a)
    if (a !== b) this.#releaseOne(b)
  }

  /** Main, once the thread has ended. */
  releaseAllOf(owner: number): void {
    for (let lock = 0; lock < COUNT; lock++) {
      if (Atomics.compareExchange(this.#words, lock, owner + 1, FREE) === owner + 1) {
        Atomics.notify(this.#words, lock)
      }
    }
  }

  #takeOne(lock: number): void {
    for (let spins = 1; ; spins++) {
      const holder = Atomics.compareExchange(this.#words, lock, FREE, this.owner + 1)
      if (holder === FREE) return
      assert(holder !== this.owner + 1, 'a thread waits for a lock that it holds')
      // The holder is in the middle of a few dozen instructions, unless the kernel took its
      // processor away or it died: then sleep until it comes back or main breaks the lock.
      if (spins % SPINS === 0) Atomics.wait(this.#words, lock, holder, 1)
    }
  }

  #releaseOne(lock: number): void {
    Atomics.store(this.#words, lock, FREE)
    Atomics.notify(this.#words, lock, 1)
  }
}
