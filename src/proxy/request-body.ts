/** A request on its way to a backend: its head, and its body piece by piece, framed for that hop. */
import { latin1 } from '../core/latin1.ts'
import type { Http1Backend } from './http1-backend.ts'

/** Body bytes that go into the same write as the head. */
const INLINE_MAX = 16_384

export class RequestBody {
  /** Of the body so far, framing left out. */
  bytes = 0
  /** All of the request was handed over. */
  whole = false
  /** The backend has not taken what it was given: its bytes stand where they were read to. */
  isBehind = false
  readonly #connection: Http1Backend
  readonly #chunked: boolean
  /** Not written yet. */
  #out: string

  /** @param head as it goes out */
  constructor(connection: Http1Backend, head: string, chunked: boolean) {
    this.#connection = connection
    this.#out = head
    this.#chunked = chunked
  }

  /**
   * Takes a piece of the body; what is small is written by {@link flush}.
   *
   * @param lasting the bytes stay as they are until the backend takes more
   * @returns false if the backend is to be waited for
   */
  add(bytes: Buffer, start: number, end: number, lasting: boolean): boolean {
    if (start === end) return true
    const length = end - start
    this.bytes += length
    if (this.#chunked) this.#out += `${length.toString(16)}\r\n`
    let more = true
    if (this.#out.length + length <= INLINE_MAX) {
      this.#out += latin1(bytes, start, end)
    } else {
      const written = this.flush()
      more = this.#connection.writeBytes(bytes.subarray(start, end), lasting) && written
      if (!more) this.isBehind = true
    }
    if (this.#chunked) this.#out += '\r\n'
    return more
  }

  /** There is no more of it. */
  end(): void {
    if (this.#chunked) this.#out += '0\r\n\r\n'
    this.whole = true
    this.flush()
  }

  /** @returns false if the backend is to be waited for */
  flush(): boolean {
    if (this.#out === '') return true
    const out = this.#out
    this.#out = ''
    if (this.#connection.writeText(out)) return true
    this.isBehind = true
    return false
  }
}
