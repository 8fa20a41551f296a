/** What a client sent and nobody has used yet: the last read, or what was left of reads before it. */

export class ClientInput {
  /** Unused are those from `at` up to `end`. */
  bytes: Buffer = EMPTY
  at = 0
  end = 0
  /** The bytes stay as they are, or stay until the socket is resumed. */
  lasting = true
  /** They are no read buffer's. */
  #owned = true

  get length(): number {
    return this.end - this.at
  }

  get isEmpty(): boolean {
    return this.at === this.end
  }

  /** Bytes of memory it keeps for itself. */
  get held(): number {
    return this.#owned ? this.bytes.length : 0
  }

  /**
   * A read: the first `count` of `bytes`.
   *
   * @param owned   they are nobody else's
   * @param lasting see {@link lasting}
   */
  add(bytes: Buffer, count: number, owned: boolean, lasting: boolean): void {
    if (this.isEmpty) {
      this.bytes = bytes
      this.end = count
      this.#owned = owned
      this.lasting = lasting
    } else {
      this.#own(Buffer.concat([this.rest(), bytes.subarray(0, count)]))
    }
    this.at = 0
  }

  /**
   * The read is over: what was not used is copied before the buffer is read into again.
   *
   * @param isPaused it is not read into before the socket is resumed
   */
  keepRest(isPaused: boolean): void {
    if (this.isEmpty) this.#own(EMPTY)
    else if (!this.#owned && !(this.lasting && isPaused)) this.#own(Buffer.from(this.rest()))
  }

  /** What was not used, where it stands. */
  rest(): Buffer {
    return this.bytes.subarray(this.at, this.end)
  }

  #own(bytes: Buffer): void {
    this.bytes = bytes
    this.at = 0
    this.end = bytes.length
    this.#owned = true
    this.lasting = true
  }
}

const EMPTY = Buffer.alloc(0)
