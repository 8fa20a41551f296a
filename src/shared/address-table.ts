/**
 * What the host remembers of each client address: fixed memory, shared by every worker.
 *
 * An address may live in either of two sets of 8 slots, chosen by a keyed hash, and goes where there
 * is more room: so the table can be filled to 83 % before anything must be forgotten, and a client
 * cannot choose whom it pushes out. What is forgotten first is what carries least information: the
 * address whose buckets are nearest to full, the longest unseen among equals. An address with open
 * connections stays, and so does one with requests in flight, whoever's connection brought them.
 *
 * Words are read plainly where a compareExchange or a second look decides: Atomics.load is a call, and a slot has many.
 *
 * Lookups take no lock: a reader pins the slot it found (`pins` goes up) and looks again. Changing
 * which address a slot holds takes the locks of both its sets, and needs a slot without pins.
 */
import { ADDRESS_WORDS } from '../core/address.ts'
import { seconds, TICKS_PER_SECOND } from '../core/clock.ts'
import { type HashKey, hashAddress } from '../core/hash.ts'
import { isRouteWord } from '../core/prefix-words.ts'
import { freshen, freshenScore } from './idle-buckets.ts'
import { Locks } from './locks.ts'

const WAYS = 8
const FILL = 0.835

/** Words of a slot. TAG is 0 in an empty one. */
const WORDS = 14
const TAG = 0
const KEY = 1
const SEEN = 5
/** Who holds the slot: connections, and requests that came over those of another address. */
const PINS = 6
const CONNECTIONS = 7
const REQUESTS = 8
const BUCKETS = 9
/** What is left of the patience with it, or until when it is banned: guard/penalties.ts. */
const SCORE = 13
/** Where somebody asks for them: more buckets, which few need. */
const WORDS_WITH_MORE = 16

/** What {@link AddressTable.copyState} copies: all behind the pins. */
export const STATE_WORDS = WORDS_WITH_MORE - CONNECTIONS
export const STATE_CONNECTIONS = 0
export const STATE_REQUESTS = REQUESTS - CONNECTIONS
export const STATE_SCORE = SCORE - CONNECTIONS
/** The first of the buckets. */
export const STATE_BUCKETS = BUCKETS - CONNECTIONS

/** Token buckets kept per address, by their place. */
export const CONNECTION_BUCKET = 0
export const HANDSHAKE_BUCKET = 1
export const REQUEST_BUCKET = 2
export const AUTH_BUCKET = 3
/** Behind the score; only in a table that was made with them. */
export const ERROR_BUCKET = 5
/** Of bytes. */
export const BODY_BUCKET = 6
const BUCKET_COUNT = 4

/** Slots that are looked at in one sweep. */
const SWEPT = 64

/** Pins of a slot that is changing hands: far below anything connections could add up to. */
const CHANGING = -0x4000_0000

/** No bucket owes more than this; a larger distance is an old one, seen across the clock's wrap. */
const DEBT_TICKS_MAX = 3600 * TICKS_PER_SECOND

export class AddressTable {
  /** Addresses it was made for. */
  readonly size: number
  /** Since this view was made: forgotten to make room, and turned away to the shared slot. */
  evictions = 0
  overflows = 0

  /** Words of a slot. */
  readonly #stride: number
  readonly #sets: number
  readonly #words: Int32Array
  readonly #used: Int32Array
  readonly #locks: Locks
  readonly #hashKey: HashKey
  readonly #hash = new Int32Array(2)
  #sweptTo = 0

  /** @param moreBuckets those of errors and of bytes, too */
  constructor(
    memory: SharedArrayBuffer,
    offset: number,
    size: number,
    hashKey: HashKey,
    moreBuckets = false,
  ) {
    this.size = size
    this.#stride = strideOf(moreBuckets)
    this.#sets = setsFor(size)
    this.#hashKey = hashKey
    this.#used = new Int32Array(memory, offset, 16)
    this.#locks = new Locks(memory, offset + 64)
    this.#words = new Int32Array(memory, offset + 64 + Locks.bytes(), slotsFor(size) * this.#stride)
  }

  static bytes(size: number, moreBuckets = false): number {
    return (
      64 + Locks.bytes() + slotsFor(size) * strideOf(moreBuckets) * Int32Array.BYTES_PER_ELEMENT
    )
  }

  /**
   * Finds or makes the slot of an address and counts one more open connection in it.
   *
   * The caller gives it back with {@link leave}.
   *
   * @param address four words, masked to the prefix that is counted as one client
   * @param now     ticks
   */
  acquire(address: Int32Array, now: number): number {
    const slot = this.pin(address, now)
    Atomics.add(this.#words, slot * this.#stride + CONNECTIONS, 1)
    return slot
  }

  leave(slot: number): void {
    Atomics.sub(this.#words, slot * this.#stride + CONNECTIONS, 1)
    this.unpin(slot)
  }

  /**
   * Finds or makes the slot of an address and holds it, without a connection of its own.
   *
   * The caller gives it back with {@link unpin}. If both sets are full of addresses that are held the
   * address shares the one slot of all such: it is limited, only less fairly.
   *
   * @param address four words, masked to the prefix that is counted as one client
   * @param now     ticks
   */
  pin(address: Int32Array, now: number): number {
    hashAddress(address, this.#hashKey, this.#hash)
    const h0 = this.#hash[0]!
    const h1 = this.#hash[1]!
    const tag = tagOf(h0, h1)
    const setA = (h0 >>> 0) % this.#sets
    const setB = (h1 >>> 0) % this.#sets

    let slot = this.#find(address, tag, setA, setB)
    if (slot === -1) {
      this.#locks.take(setA, setB)
      try {
        // Another worker may have brought the same address in meanwhile.
        slot = this.#find(address, tag, setA, setB)
        if (slot === -1) slot = this.#settle(address, tag, setA, setB, now)
      } finally {
        this.#locks.release(setA, setB)
      }
    }
    this.#words[slot * this.#stride + SEEN] = now
    return slot
  }

  unpin(slot: number): void {
    Atomics.sub(this.#words, slot * this.#stride + PINS, 1)
  }

  /** Open connections of the address, all workers together. */
  open(slot: number): number {
    return Atomics.load(this.#words, slot * this.#stride + CONNECTIONS)
  }

  /**
   * Counts one more request in flight, unless the address has `max` of them.
   *
   * @param slot held by the caller until after {@link leaveRequest}
   * @returns whether it was counted
   */
  enterRequest(slot: number, max: number): boolean {
    const at = slot * this.#stride + REQUESTS
    for (;;) {
      const requests = this.#words[at]!
      if (requests >= max) return false
      if (Atomics.compareExchange(this.#words, at, requests, requests + 1) === requests) return true
      // Another worker counted one in or out in between. It made progress, so this loop ends.
    }
  }

  leaveRequest(slot: number): void {
    Atomics.sub(this.#words, slot * this.#stride + REQUESTS, 1)
  }

  /** Requests of the address in flight, all workers together. */
  requests(slot: number): number {
    return Atomics.load(this.#words, slot * this.#stride + REQUESTS)
  }

  /** When the last ban of the address ends or ended, in seconds since the process started; 0 if none is known. */
  bannedUntil(slot: number): number {
    return banEnd(this.#words[slot * this.#stride + SCORE]!)
  }

  /** @param until seconds since the process started */
  ban(slot: number, until: number): void {
    Atomics.store(this.#words, slot * this.#stride + SCORE, banWord(until))
  }

  /** Ends a ban, and forgives all there was. @param now ticks */
  pardon(slot: number, now: number): void {
    Atomics.store(this.#words, slot * this.#stride + SCORE, now & ~1)
  }

  /** The place of the score in {@link words}: a bucket whose lowest bit is 0, or the word of a ban. */
  score(slot: number): number {
    return slot * this.#stride + SCORE
  }

  /** Like {@link pin}, but does not make a slot. @returns -1 if the address has none */
  pinKnown(address: Int32Array): number {
    hashAddress(address, this.#hashKey, this.#hash)
    const h0 = this.#hash[0]!
    const h1 = this.#hash[1]!
    const setA = (h0 >>> 0) % this.#sets
    return this.#find(address, tagOf(h0, h1), setA, (h1 >>> 0) % this.#sets)
  }

  /** Whose slot it is: a copy of its four words, as they were given to {@link pin}. */
  address(slot: number): Int32Array {
    const at = slot * this.#stride + KEY
    return this.#words.slice(at, at + ADDRESS_WORDS)
  }

  /** What is counted of the address now: STATE_WORDS of them, for whoever asks why. @param slot held by the caller */
  copyState(slot: number, into: Int32Array): void {
    const first = slot * this.#stride + CONNECTIONS
    const count = this.#stride - CONNECTIONS
    for (let i = 0; i < count; i++) into[i] = this.#words[first + i]!
  }

  /**
   * The same of a slot that is not held, and may have changed hands.
   *
   * @param address four words, masked
   * @returns false if it is not that address's now
   */
  copyStateOf(slot: number, address: Int32Array, into: Int32Array): boolean {
    this.copyState(slot, into)
    return this.#holds(slot * this.#stride, address)
  }

  /**
   * Housekeeping, a little at a time: what nobody touches must not look like a debt once the clock has gone round. Called
   * twenty times a second it is through with the largest table after less than five hours.
   */
  sweep(now: number): void {
    for (let n = 0; n < SWEPT; n++) {
      const slot = this.#sweptTo
      this.#sweptTo = slot + 1 === this.slots ? 0 : slot + 1
      const first = slot * this.#stride
      // An empty one begins anew when it is taken; that which many share has no tag.
      if (this.#words[first + TAG] === 0 && slot !== this.#sets * WAYS) continue
      for (let i = BUCKETS; i < this.#stride; i++) {
        if (i === SCORE) freshenScore(this.#words, first + i, now)
        else freshen(this.#words, first + i, now)
      }
    }
  }

  /** How many slots there are, the shared one included: for whoever looks at all of them. */
  get slots(): number {
    return slotsFor(this.size)
  }

  /**
   * Main, looking at all: whether the slot is somebody's, of whom there is more to say than that it was seen. It may change
   * hands at any time, so this is for a picture of the whole.
   *
   * @param address is written to if so
   * @param state   as well
   */
  glance(slot: number, address: Int32Array, state: Int32Array): boolean {
    const words = this.#words
    const at = slot * this.#stride
    const tag = words[at + TAG]!
    if (tag === 0) return false
    for (let i = 0; i < ADDRESS_WORDS; i++) address[i] = words[at + KEY + i]!
    this.copyState(slot, state)
    return Atomics.load(words, at + TAG) === tag
  }

  /** Copies whose slot it is. @returns false for the one that many share */
  copyAddress(slot: number, into: Int32Array): boolean {
    if (slot === this.#sets * WAYS) return false
    const at = slot * this.#stride + KEY
    for (let i = 0; i < ADDRESS_WORDS; i++) into[i] = this.#words[at + i]!
    return true
  }

  /** The word of a token bucket, for guard/token-buckets.ts: its place in {@link words}. */
  bucket(slot: number, kind: number): number {
    return slot * this.#stride + BUCKETS + kind
  }

  get words(): Int32Array {
    return this.#words
  }

  /** Addresses remembered now. */
  used(): number {
    return Atomics.load(this.#used, 0)
  }

  /** Main: a dead worker may have held locks. */
  releaseLocksOf(thread: number): void {
    this.#locks.releaseAllOf(thread)
  }

  /** Says who takes the locks, so that main can break those of a worker that died. */
  setOwner(thread: number): void {
    this.#locks.owner = thread
  }

  #find(address: Int32Array, tag: number, setA: number, setB: number): number {
    const slot = this.#findInSet(address, tag, setA)
    return slot !== -1 || setA === setB ? slot : this.#findInSet(address, tag, setB)
  }

  #findInSet(address: Int32Array, tag: number, set: number): number {
    const words = this.#words
    const stride = this.#stride
    let at = set * WAYS * stride
    for (let slot = set * WAYS; slot < (set + 1) * WAYS; slot++, at += stride) {
      if (words[at + TAG] !== tag || !this.#holds(at, address)) continue
      const pins = Atomics.add(words, at + PINS, 1)
      // Pinned: from here on the slot cannot change hands, so what it holds now is what counts.
      if (pins >= 0 && Atomics.load(words, at + TAG) === tag && this.#holds(at, address))
        return slot
      Atomics.sub(words, at + PINS, 1)
    }
    return -1
  }

  #holds(at: number, address: Int32Array): boolean {
    const words = this.#words
    for (let i = 0; i < ADDRESS_WORDS; i++) {
      if (words[at + KEY + i] !== address[i]) return false
    }
    return true
  }

  /** Gives the address a slot of its own, under the locks of both sets. */
  #settle(address: Int32Array, tag: number, setA: number, setB: number, now: number): number {
    const words = this.#words
    for (let tries = 0; tries < 2 * WAYS; tries++) {
      const slot = this.#choose(setA, setB, now)
      if (slot === -1) break
      const at = slot * this.#stride
      if (Atomics.compareExchange(words, at + PINS, 0, CHANGING) !== 0) continue // pinned just now
      if (words[at + TAG] === 0) Atomics.add(this.#used, 0, 1)
      else this.evictions++
      Atomics.store(words, at + TAG, 0)
      for (let i = 0; i < ADDRESS_WORDS; i++) words[at + KEY + i] = address[i]!
      for (let i = 0; i < BUCKET_COUNT; i++) Atomics.store(words, at + BUCKETS + i, now)
      Atomics.store(words, at + SCORE, now & ~1)
      for (let i = SCORE + 1; i < this.#stride; i++) Atomics.store(words, at + i, now)
      // Added, not stored: a reader that still looks for the old address takes its pin back later.
      Atomics.add(words, at + PINS, 1 - CHANGING)
      Atomics.store(words, at + TAG, tag)
      return slot
    }
    this.overflows++
    const shared = this.#sets * WAYS
    Atomics.add(words, shared * this.#stride + PINS, 1)
    return shared
  }

  /** The slot to use: an empty one of the emptier set, else the one that is missed least, or -1. */
  #choose(setA: number, setB: number, now: number): number {
    const emptyA = this.#emptySlots(setA)
    const emptyB = this.#emptySlots(setB)
    const set = emptyA >= emptyB ? setA : setB
    if (emptyA + emptyB > 0) {
      for (let slot = set * WAYS; slot < (set + 1) * WAYS; slot++) {
        if (this.#words[slot * this.#stride + TAG] === 0 && this.#pins(slot) === 0) return slot
      }
    }
    const a = this.#leastMissed(setA, -1, now)
    return setA === setB ? a : this.#leastMissed(setB, a, now)
  }

  #emptySlots(set: number): number {
    let empty = 0
    for (let slot = set * WAYS; slot < (set + 1) * WAYS; slot++) {
      if (this.#words[slot * this.#stride + TAG] === 0) empty++
    }
    return empty
  }

  /** @param best a slot to beat, or -1 */
  #leastMissed(set: number, best: number, now: number): number {
    let least = best
    let leastDebt = best === -1 ? 0 : this.#debt(best, now)
    for (let slot = set * WAYS; slot < (set + 1) * WAYS; slot++) {
      if (this.#pins(slot) !== 0) continue
      const debt = this.#debt(slot, now)
      const older =
        least !== -1 && debt === leastDebt && this.#age(slot, now) > this.#age(least, now)
      if (least === -1 || debt < leastDebt || older) {
        least = slot
        leastDebt = debt
      }
    }
    return least
  }

  #pins(slot: number): number {
    return this.#words[slot * this.#stride + PINS]!
  }

  #age(slot: number, now: number): number {
    return (now - this.#words[slot * this.#stride + SEEN]!) | 0
  }

  /**
   * Ticks until the last of its buckets is full again: what would be forgiven by forgetting. A ban is more than any. What an
   * address owes on one route is less than a tick: there may be many of them for each address, and they do not push out what
   * one owes as a whole.
   */
  #debt(slot: number, now: number): number {
    const words = this.#words
    const first = slot * this.#stride
    if (isRouteWord(words[first + KEY]!)) {
      const ahead = (words[first + BUCKETS + REQUEST_BUCKET]! - now) | 0
      return ahead > 0 && ahead <= DEBT_TICKS_MAX ? ahead / (DEBT_TICKS_MAX + 1) : 0
    }
    let debt = 0
    for (let i = BUCKETS; i < this.#stride; i++) {
      const ahead = (words[first + i]! - now) | 0
      if (i !== SCORE && ahead > debt && ahead <= DEBT_TICKS_MAX) debt = ahead
    }
    const score = words[first + SCORE]!
    if ((score & 1) === 0) {
      const ahead = (score - now) | 0
      return ahead > debt && ahead <= DEBT_TICKS_MAX ? ahead : debt
    }
    const left = banEnd(score) - seconds()
    return left > 0 ? DEBT_TICKS_MAX + left : debt
  }
}

/** The word of a ban. @param until seconds since the process started, up to 34 years */
export function banWord(until: number): number {
  return (until << 1) | 1
}

/** @returns when the ban ends, 0 if `word` is that of a bucket */
export function banEnd(word: number): number {
  return (word & 1) === 0 ? 0 : word >>> 1
}

function strideOf(moreBuckets: boolean): number {
  return moreBuckets ? WORDS_WITH_MORE : WORDS
}

function tagOf(h0: number, h1: number): number {
  return (h0 ^ ((h1 << 16) | (h1 >>> 16))) | 1
}

function setsFor(size: number): number {
  return Math.ceil(size / FILL / WAYS)
}

/** One more than the sets hold: the last slot is shared by those who found no room. */
function slotsFor(size: number): number {
  return setsFor(size) * WAYS + 1
}
