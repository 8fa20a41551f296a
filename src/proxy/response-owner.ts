/** Who gets what a backend answers; see http1-backend.ts. */
import type { ResponseHead } from '../codec/http1/response-head.ts'
import type { Http1Backend } from './http1-backend.ts'

/** How a connection to a backend ended before its response was whole. */
export interface BackendFailure {
  readonly cause: string
  /** What it sent is no HTTP, or breaks its rules. */
  readonly malformed: boolean
  /** It is the backend's fault: not a kept connection that was closed in the meantime. */
  readonly blame: boolean
  /** A byte of the response was seen: the request must not be sent again. */
  readonly answering: boolean
}

export interface ResponseOwner {
  /** 1xx, but for 101. */
  onInterim(head: ResponseHead): void
  onHead(head: ResponseHead): void
  /** @returns whether it is done with the bytes; if not, it has paused the connection */
  onData(bytes: Buffer, start: number, end: number): boolean
  /** The response is whole. */
  onResponse(): void
  /** 101: the connection is the owner's now, and what came behind the head with it. */
  onSwitched(head: ResponseHead, rest: Buffer): void
  onBackendFailed(failure: BackendFailure): void
  /** All bytes of one read were told. */
  onRead(): void
  onBackendDrain(): void
}

/** Of a response nobody waits for: larger ones cost more to read than a new connection. */
const DISCARD_MAX = 65_536

/** In place of a client that left while others stood behind it in line. */
export class DiscardedResponse implements ResponseOwner {
  readonly #connection: Http1Backend
  #bytes = 0

  constructor(connection: Http1Backend) {
    this.#connection = connection
  }

  onData(_bytes: Buffer, start: number, end: number): boolean {
    this.#bytes += end - start
    return true
  }

  onRead(): void {
    if (this.#bytes > DISCARD_MAX) this.#connection.release(this, false)
  }

  onResponse(): void {
    this.#connection.release(this, true)
  }

  onInterim(): void {}
  onHead(): void {}
  onSwitched(): void {}
  onBackendFailed(): void {}
  onBackendDrain(): void {}
}
