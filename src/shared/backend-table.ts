/**
 * What every thread knows about each backend, without locks.
 *
 * Owners: main writes state, weight and limits; all workers change the active counts and the
 * record of failures and times, with atomics. Active connections are kept twice, as a total (which
 * balancers read) and per worker (so that a dead worker's share can be given back).
 */

/** Not probed yet: may be used, so that a restart does not refuse its first clients. */
export const CHECKING = 0
export const UP = 1
export const DOWN = 2
export const stateNames = ['checking', 'up', 'down'] as const

/** `weight()` of a backend of weight 1 at its full share: slow start needs the steps between. */
export const WEIGHT_SCALE = 256

const WORDS = 16 // 64 bytes: two backends never share a cache line
const STATE = 0
const ACTIVE = 1
const WEIGHT = 2
const ACTIVE_MAX = 3
const ROLE = 4
const FAILURES = 5
/** 0, or one more than the cause. */
const EJECTED = 6
const EJECTED_UNTIL = 7
const EJECTIONS = 8
/** One word for each cause. */
const EJECTIONS_TOTAL = 9
const ERRORS = 12
const LATENCY = 13
const SAMPLES = 14

/** Why a backend was ejected, and what that is in metrics and log. */
export const DIALS = 0
export const ANSWERS = 1
export const SLOW = 2
export const ejectionCauses = ['dials', 'errors', 'slow'] as const

/** Times in an average; before there are as many, it is their plain mean and proves nothing. */
const AVERAGE_OVER = 32
/** One time alone counts for no more than this many averages: a download that takes long is no trend. */
const OUTLIER_MAX = 8
const OUTLIER_FLOOR_US = 10_000

const ROLE_BACKUP = 1
const ROLE_DRAIN = 2

export class BackendTable {
  readonly count: number
  readonly #words: Int32Array
  readonly #columns: Int32Array

  constructor(memory: SharedArrayBuffer, offset: number, backends: number, workers: number) {
    this.count = backends
    this.#words = new Int32Array(memory, offset, backends * WORDS)
    this.#columns = new Int32Array(memory, offset + backends * WORDS * 4, backends * workers)
  }

  static bytes(backends: number, workers: number): number {
    return backends * (WORDS + workers) * Int32Array.BYTES_PER_ELEMENT
  }

  /** CHECKING, UP or DOWN, as the probes see it. */
  state(backend: number): number {
    return Atomics.load(this.#words, backend * WORDS + STATE)
  }

  setState(backend: number, state: number): void {
    Atomics.store(this.#words, backend * WORDS + STATE, state)
  }

  /** Times {@link WEIGHT_SCALE}; never 0. */
  weight(backend: number): number {
    return Atomics.load(this.#words, backend * WORDS + WEIGHT)
  }

  setWeight(backend: number, scaledWeight: number): void {
    Atomics.store(this.#words, backend * WORDS + WEIGHT, scaledWeight)
  }

  /** @param max connections at once, 0 is no limit */
  configure(backend: number, max: number, backup: boolean, drain: boolean): void {
    Atomics.store(this.#words, backend * WORDS + ACTIVE_MAX, max)
    const role = (backup ? ROLE_BACKUP : 0) | (drain ? ROLE_DRAIN : 0)
    Atomics.store(this.#words, backend * WORDS + ROLE, role)
  }

  isBackup(backend: number): boolean {
    return (Atomics.load(this.#words, backend * WORDS + ROLE) & ROLE_BACKUP) !== 0
  }

  isDraining(backend: number): boolean {
    return (Atomics.load(this.#words, backend * WORDS + ROLE) & ROLE_DRAIN) !== 0
  }

  /** Whether new connections may go there: not down, not draining, not ejected at `now`. */
  isUsable(backend: number, now: number): boolean {
    return !this.isDraining(backend) && this.isServing(backend, now)
  }

  /** Whether those may go there who were there before: not down, not ejected at `now`. */
  isServing(backend: number, now: number): boolean {
    return this.state(backend) !== DOWN && !this.isEjected(backend, now)
  }

  isFull(backend: number): boolean {
    const max = Atomics.load(this.#words, backend * WORDS + ACTIVE_MAX)
    return max !== 0 && this.active(backend) >= max
  }

  /** Connections now, all workers together. */
  active(backend: number): number {
    return Atomics.load(this.#words, backend * WORDS + ACTIVE)
  }

  /** @returns false, and counts nothing, if the backend is at its limit */
  enter(backend: number, worker: number): boolean {
    const at = backend * WORDS
    const before = Atomics.add(this.#words, at + ACTIVE, 1)
    const max = Atomics.load(this.#words, at + ACTIVE_MAX)
    if (max !== 0 && before >= max) {
      Atomics.sub(this.#words, at + ACTIVE, 1)
      return false
    }
    Atomics.add(this.#columns, worker * this.count + backend, 1)
    return true
  }

  leave(backend: number, worker: number): void {
    Atomics.sub(this.#columns, worker * this.count + backend, 1)
    Atomics.sub(this.#words, backend * WORDS + ACTIVE, 1)
  }

  /** Main: takes back what a dead worker held. */
  giveBack(worker: number): void {
    for (let backend = 0; backend < this.count; backend++) {
      const held = Atomics.exchange(this.#columns, worker * this.count + backend, 0)
      Atomics.sub(this.#words, backend * WORDS + ACTIVE, held)
    }
  }

  /** @returns dials that failed one after the other, this one included */
  addFailure(backend: number): number {
    return Atomics.add(this.#words, backend * WORDS + FAILURES, 1) + 1
  }

  clearFailures(backend: number): void {
    const at = backend * WORDS + FAILURES
    // Nearly always 0: a load leaves the cache line shared, a store would not.
    if (Atomics.load(this.#words, at) !== 0) Atomics.store(this.#words, at, 0)
  }

  /** @returns answers 5xx or none that came one after the other, this one included */
  addError(backend: number): number {
    return Atomics.add(this.#words, backend * WORDS + ERRORS, 1) + 1
  }

  clearErrors(backend: number): void {
    const at = backend * WORDS + ERRORS
    if (Atomics.load(this.#words, at) !== 0) Atomics.store(this.#words, at, 0)
  }

  /**
   * Adds a time to the moving average, of all workers together: a new one counts for a 32nd.
   *
   * One word and a compareExchange: two adds would let a reader see one without the other, and no
   * time is lost to another worker's.
   *
   * @param us microseconds
   */
  addLatency(backend: number, us: number): void {
    const words = this.#words
    const at = backend * WORDS
    let samples = Atomics.load(words, at + SAMPLES)
    if (samples < AVERAGE_OVER) samples = Atomics.add(words, at + SAMPLES, 1) + 1
    const share = Math.min(samples, AVERAGE_OVER)
    let before = Atomics.load(words, at + LATENCY)
    // Ends: each turn that fails is one of another worker that did not, and those write but once.
    while (true) {
      const time = Math.min(us, OUTLIER_MAX * Math.max(before, OUTLIER_FLOOR_US))
      const after = before + Math.round((time - before) / share)
      const found = Atomics.compareExchange(words, at + LATENCY, before, after)
      if (found === before) return
      before = found
    }
  }

  /** Microseconds; -1 while there are too few times to judge by. */
  latency(backend: number): number {
    const at = backend * WORDS
    if (Atomics.load(this.#words, at + SAMPLES) < AVERAGE_OVER) return -1
    return Atomics.load(this.#words, at + LATENCY)
  }

  isEjected(backend: number, now: number): boolean {
    const at = backend * WORDS
    if (Atomics.load(this.#words, at + EJECTED) === 0) return false
    if (((Atomics.load(this.#words, at + EJECTED_UNTIL) - now) | 0) > 0) return true
    // Over. Cleared here, because `until` would count as the future again after 9 hours.
    Atomics.store(this.#words, at + EJECTED, 0)
    return false
  }

  /**
   * Ejects until `until`, unless another worker just did, and begins its record anew.
   *
   * @param cause DIALS, ANSWERS or SLOW
   * @returns false if it was ejected already
   */
  eject(backend: number, until: number, cause: number): boolean {
    const at = backend * WORDS
    if (Atomics.compareExchange(this.#words, at + EJECTED, 0, cause + 1) !== 0) return false
    Atomics.store(this.#words, at + EJECTED_UNTIL, until)
    Atomics.add(this.#words, at + EJECTIONS, 1)
    Atomics.add(this.#words, at + EJECTIONS_TOTAL + cause, 1)
    this.#clearRecord(at)
    return true
  }

  /** Main: the probes vouch for the backend again. Ends its ejection and forgets its record. */
  pardon(backend: number): void {
    const at = backend * WORDS
    Atomics.store(this.#words, at + EJECTED, 0)
    Atomics.store(this.#words, at + EJECTIONS, 0)
    this.#clearRecord(at)
  }

  #clearRecord(at: number): void {
    Atomics.store(this.#words, at + FAILURES, 0)
    Atomics.store(this.#words, at + ERRORS, 0)
    Atomics.store(this.#words, at + SAMPLES, 0)
    Atomics.store(this.#words, at + LATENCY, 0)
  }

  /** Ejections since the probes last vouched for it; each lasts twice as long as the one before. */
  ejections(backend: number): number {
    return Atomics.load(this.#words, backend * WORDS + EJECTIONS)
  }

  /** Ejections since start, for one of {@link ejectionCauses}. */
  ejectionsTotal(backend: number, cause: number): number {
    return Atomics.load(this.#words, backend * WORDS + EJECTIONS_TOTAL + cause)
  }
}
