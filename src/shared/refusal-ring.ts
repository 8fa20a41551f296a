/**
 * What was refused last, and why: a ring of fixed slots that one worker writes, and main reads when somebody asks.
 *
 * Nothing waits for anybody: the worker goes round and round, and main looks at the count before and after it copied a
 * slot. One that the worker may have come to meanwhile is left out, as it is about to be forgotten anyway.
 *
 * The count is told by an atomic store, which waits until all stores before it are done: after a write to a socket that
 * takes a third of a microsecond. So where a flood is written down only each sixteenth is told of at once.
 */
import { ADDRESS_WORDS } from '../core/address.ts'
import { STATE_WORDS } from './address-table.ts'

/** Bytes of the id of a request, and of what else there is to say; what is longer is cut. */
export const REFUSAL_ID_MAX = 128
const NOTE_MAX = 128

/** Words of a slot. */
const REASON = 0
const SECOND = 1
const MILLISECOND = 2
const LISTENER = 3
const ROUTE = 4
const STATUS = 5
const RETRY_AFTER = 6
const LENGTHS = 7
const STATE_LENGTH = 8
const ADDRESS = 9
const STATE = ADDRESS + ADDRESS_WORDS
/** Right behind them, so that most refusals touch two cache lines. */
const ID_BYTES = (STATE + STATE_WORDS) * 4
const NOTE_BYTES = ID_BYTES + REFUSAL_ID_MAX
const SLOT_BYTES = Math.ceil((NOTE_BYTES + NOTE_MAX) / 64) * 64
const WORDS = SLOT_BYTES / 4
/**
 * Of the oldest: the one that is being written, and those that may be before the count says so, on processors that put
 * stores in another order.
 */
const IN_WRITING = 4

/** A cache line before the slots. */
const HEAD_WORDS = 16
/** How many were written, as main may know it, and as the worker does. */
const COUNT = 0
const WRITTEN = 1

/** One refusal or fault, as the worker tells it. */
export interface Refused {
  /** Number of the refusal; of a fault `~number`. */
  reason: number
  /** On the clock of performance.now(), which all threads share. */
  timeMs: number
  listener: number
  /** -1 where no route was asked. */
  route: number
  /** Of the answer; 0 where there was none. */
  status: number
  /** Seconds, as the client was told; 0 if it was told nothing. */
  retryAfter: number
  readonly address: Int32Array
  /** What was known of the address, as `AddressTable.copyState` gives it. */
  readonly state: Int32Array
  hasState: boolean
  /** Of the request; '' where there was none. */
  id: string
  /** The inside of a JSON object, with a comma before it: who or what it was besides. */
  note: string
}

export class RefusalRing {
  readonly slots: number
  readonly #every: number
  /** So many are found; those before them may be written over just now. */
  readonly #kept: number
  readonly #words: Int32Array
  readonly #bytes: Buffer

  /**
   * @param slots a power of two
   * @param every so many are written before main is told; a few more than that, of the oldest, are not found
   */
  constructor(memory: SharedArrayBuffer, offset: number, slots: number, every = 1) {
    this.slots = slots
    this.#every = every
    this.#kept = slots - every - IN_WRITING
    this.#words = new Int32Array(memory, offset, HEAD_WORDS + slots * WORDS)
    this.#bytes = Buffer.from(memory, offset + HEAD_WORDS * 4, slots * SLOT_BYTES)
  }

  static bytes(slots: number): number {
    return HEAD_WORDS * 4 + slots * SLOT_BYTES
  }

  /** Worker: puts one in the place of the oldest. */
  write(refused: Refused): void {
    const words = this.#words
    const count = words[WRITTEN]!
    const slot = count & (this.slots - 1)
    const at = HEAD_WORDS + slot * WORDS
    words[at + REASON] = refused.reason
    const second = (refused.timeMs / 1000) | 0
    words[at + SECOND] = second
    // Rounded up: what was counted meanwhile is not to be of a time to come.
    words[at + MILLISECOND] = Math.ceil(refused.timeMs - second * 1000)
    words[at + LISTENER] = refused.listener
    words[at + ROUTE] = refused.route
    words[at + STATUS] = refused.status
    words[at + RETRY_AFTER] = refused.retryAfter
    const { address, state, id, note } = refused
    for (let i = 0; i < ADDRESS_WORDS; i++) words[at + ADDRESS + i] = address[i]!
    words[at + STATE_LENGTH] = refused.hasState ? STATE_WORDS : 0
    if (refused.hasState) {
      for (let i = 0; i < STATE_WORDS; i++) words[at + STATE + i] = state[i]!
    }
    const idLength = this.#text(slot * SLOT_BYTES + ID_BYTES, id, REFUSAL_ID_MAX)
    const noteLength = this.#text(slot * SLOT_BYTES + NOTE_BYTES, note, NOTE_MAX)
    words[at + LENGTHS] = (noteLength << 8) | idLength
    words[WRITTEN] = (count + 1) | 0
    if ((count + 1) % this.#every === 0) this.publish()
  }

  /** Worker: tells main of all that were written. */
  publish(): void {
    const words = this.#words
    if (words[COUNT] !== words[WRITTEN]) Atomics.store(words, COUNT, words[WRITTEN]!)
  }

  /** Main: refusals of this request, newest first; more than one if a proxy gave an id twice. */
  ofRequest(id: string, max: number): Refused[] {
    const { length } = id
    if (length === 0 || length > REFUSAL_ID_MAX) return []
    const first = id.charCodeAt(0)
    const last = id.charCodeAt(length - 1)
    return this.#newest(max, (at, byte) => {
      const bytes = this.#bytes
      if ((this.#words[at + LENGTHS]! & 0xff) !== length) return false
      if (bytes[byte + ID_BYTES] !== first || bytes[byte + ID_BYTES + length - 1] !== last)
        return false
      return bytes.toString('latin1', byte + ID_BYTES, byte + ID_BYTES + length) === id
    })
  }

  /** Main: refusals of those who share the first `bits` of 128 with this address, newest first. */
  ofAddress(address: Int32Array, bits: number, max: number): Refused[] {
    return this.#newest(max, at => {
      for (let i = 0; i < ADDRESS_WORDS && i * 32 < bits; i++) {
        const kept = bits - i * 32
        const mask = kept >= 32 ? -1 : -1 << (32 - kept)
        if (((this.#words[at + ADDRESS + i]! ^ address[i]!) & mask) !== 0) return false
      }
      return true
    })
  }

  /** Main: the time of the oldest that is still here, as performance.now() tells it; -1 if none was ever forgotten. */
  reachesBackTo(): number {
    const words = this.#words
    const count = Atomics.load(words, COUNT) >>> 0
    if (count <= this.#kept) return -1
    const at = HEAD_WORDS + ((count - this.#kept) & (this.slots - 1)) * WORDS
    return words[at + SECOND]! * 1000 + words[at + MILLISECOND]!
  }

  /** Main: how many were written, 2^32 at most. */
  get count(): number {
    return Atomics.load(this.#words, COUNT) >>> 0
  }

  #newest(max: number, matches: (at: number, byte: number) => boolean): Refused[] {
    const found: Refused[] = []
    const words = this.#words
    const count = Atomics.load(words, COUNT)
    const kept = Math.min(count >>> 0, this.#kept)
    for (let age = 1; age <= kept && found.length < max; age++) {
      const slot = (count - age) & (this.slots - 1)
      const at = HEAD_WORDS + slot * WORDS
      if (!matches(at, slot * SLOT_BYTES)) continue
      const copy = this.#copy(at, slot * SLOT_BYTES)
      fence()
      const more = (Atomics.load(words, COUNT) - count) | 0
      if (age + more <= this.#kept) found.push(copy)
    }
    return found
  }

  #copy(at: number, byte: number): Refused {
    const words = this.#words
    const lengths = words[at + LENGTHS]!
    const text = (start: number, length: number): string =>
      this.#bytes.toString('latin1', byte + start, byte + start + length)
    return {
      reason: words[at + REASON]!,
      timeMs: words[at + SECOND]! * 1000 + words[at + MILLISECOND]!,
      listener: words[at + LISTENER]!,
      route: words[at + ROUTE]!,
      status: words[at + STATUS]!,
      retryAfter: words[at + RETRY_AFTER]!,
      address: words.slice(at + ADDRESS, at + ADDRESS + ADDRESS_WORDS),
      state: words.slice(at + STATE, at + STATE + STATE_WORDS),
      hasState: words[at + STATE_LENGTH] !== 0,
      id: text(ID_BYTES, Math.min(lengths & 0xff, REFUSAL_ID_MAX)),
      note: text(NOTE_BYTES, Math.min((lengths >>> 8) & 0xff, NOTE_MAX)),
    }
  }

  /** A loop, because a call of Buffer costs more than the few characters of an id. @returns bytes written */
  #text(at: number, text: string, max: number): number {
    const length = text.length < max ? text.length : max
    const bytes = this.#bytes
    for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i)
    return length
  }
}

const FENCE = new Int32Array(1)

/** Keeps plain reads before it from being made after it: they have no order of their own. */
function fence(): void {
  Atomics.add(FENCE, 0, 1)
}
