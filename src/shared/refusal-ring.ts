/**
 * What was refused last, and why: a ring of fixed slots that one worker writes, and main reads when somebody asks.
 *
 * Nothing waits for anybody: the worker goes round and round, and main looks at the sequence word of a slot before and
 * after it copied it. One that changed meanwhile is left out, as it is about to be forgotten anyway.
 */
import { ADDRESS_WORDS } from '../core/address.ts'
import { STATE_WORDS } from './address-table.ts'

/** Bytes of the id of a request, and of what else there is to say; what is longer is cut. */
export const REFUSAL_ID_MAX = 128
const NOTE_MAX = 128

/** Words of a slot. SEQUENCE is odd while it is written, 0 in one that never was. */
const SEQUENCE = 0
const REASON = 1
const SECOND = 2
const MILLISECOND = 3
const LISTENER = 4
const ROUTE = 5
const STATUS = 6
const RETRY_AFTER = 7
const ADDRESS = 8
const LENGTHS = 12
const STATE_LENGTH = 13
const STATE = 14
const ID_BYTES = Math.ceil((STATE + STATE_WORDS) / 16) * 64
const NOTE_BYTES = ID_BYTES + REFUSAL_ID_MAX
const SLOT_BYTES = NOTE_BYTES + NOTE_MAX
const WORDS = SLOT_BYTES / 4

/** A cache line before the slots. */
const HEAD_WORDS = 16
const COUNT = 0

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
  readonly #words: Int32Array
  readonly #bytes: Buffer

  /** @param slots a power of two */
  constructor(memory: SharedArrayBuffer, offset: number, slots: number) {
    this.slots = slots
    this.#words = new Int32Array(memory, offset, HEAD_WORDS + slots * WORDS)
    this.#bytes = Buffer.from(memory, offset + HEAD_WORDS * 4, slots * SLOT_BYTES)
  }

  static bytes(slots: number): number {
    return HEAD_WORDS * 4 + slots * SLOT_BYTES
  }

  /** Worker: puts one in the place of the oldest. */
  write(refused: Refused): void {
    const words = this.#words
    const count = words[COUNT]!
    const slot = count & (this.slots - 1)
    const at = HEAD_WORDS + slot * WORDS
    // Not a store: what follows may not be seen before it, on processors that put stores in another order.
    Atomics.exchange(words, at + SEQUENCE, (count * 2 + 1) | 0)
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
    words[COUNT] = (count + 1) | 0
    Atomics.store(words, at + SEQUENCE, (count * 2 + 2) | 0)
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
    if (count <= this.slots) return -1
    // The next one may be in the writing.
    const at = HEAD_WORDS + ((count + 1) & (this.slots - 1)) * WORDS
    return words[at + SECOND]! * 1000 + words[at + MILLISECOND]!
  }

  /** Main: how many were written, 2^32 at most. */
  get count(): number {
    return Atomics.load(this.#words, COUNT) >>> 0
  }

  #newest(max: number, matches: (at: number, byte: number) => boolean): Refused[] {
    const found: Refused[] = []
    const newest = (Atomics.load(this.#words, COUNT) - 1) | 0
    for (let i = 0; i < this.slots && found.length < max; i++) {
      const slot = (newest - i) & (this.slots - 1)
      const at = HEAD_WORDS + slot * WORDS
      const sequence = Atomics.load(this.#words, at + SEQUENCE)
      if (sequence === 0 || (sequence & 1) === 1 || !matches(at, slot * SLOT_BYTES)) continue
      const copy = this.#copy(at, slot * SLOT_BYTES)
      fence()
      if (Atomics.load(this.#words, at + SEQUENCE) === sequence) found.push(copy)
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
