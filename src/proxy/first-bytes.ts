/**
 * A client of plain HTTP before its first head is whole.
 *
 * Many never come so far: who hoards connections, who has one in hand just in case, who sends a head that does not end. A
 * session of HTTP is made of a dozen objects, which the collector has to carry along for as long as it lives; so it is made
 * when there is a head, or something is wrong with what there is of it, or something else is to be done about it.
 */
import { isUnfinished } from '../codec/http1/head.ts'
import { type Deadline, STEP_MS } from '../transport/deadlines.ts'
import type { Held } from '../transport/held.ts'
import { listen, stopListening } from '../transport/listen.ts'
import type { PlainSocket } from '../transport/plain-socket.ts'
import type { Reader, SessionReadBuffer } from '../transport/read-buffer.ts'
import { Http1Session } from './http1-session.ts'
import type { TcpSession } from './tcp-session.ts'

const FIRST = Symbol('first-bytes')

type SilentSocket = PlainSocket & { [FIRST]?: FirstBytes }

export class FirstBytes implements Reader {
  readonly #client: TcpSession
  readonly #socket: SilentSocket
  readonly #readBuffer: SessionReadBuffer
  /** The session's: it tells {@link onDeadline}. */
  readonly #deadline: Deadline
  /** What there is of a head; null before its first byte. */
  #begun: Buffer | null = null

  constructor(
    client: TcpSession,
    socket: PlainSocket,
    readBuffer: SessionReadBuffer,
    deadline: Deadline,
  ) {
    this.#client = client
    this.#socket = socket
    this.#readBuffer = readBuffer
    this.#deadline = deadline
    this.#socket[FIRST] = this
  }

  static readonly #listeners = {
    end(this: SilentSocket): void {
      this[FIRST]!.#begin().ended()
    },
    error(this: SilentSocket, error: NodeJS.ErrnoException): void {
      this[FIRST]!.#gone('client-reset', error.code ?? error.message)
    },
    close(this: SilentSocket): void {
      this[FIRST]!.#gone('client-gone', '')
    },
  }

  start(): void {
    const { deadlines, config } = this.#client.edge
    listen(this.#socket, FirstBytes.#listeners)
    this.#readBuffer.reader = this
    deadlines.set(this.#deadline, config.http.headTimeoutMs)
    this.#socket.resume()
  }

  onBytes(bytes: Buffer, count: number): boolean {
    const begun = this.#begun
    if (begun === null) {
      if (!isUnfinished(bytes, count, 0)) return this.#begin().onBytes(bytes, count)
      this.#begun = Buffer.from(bytes.subarray(0, count))
    } else this.#begun = Buffer.concat([begun, bytes.subarray(0, count)])
    this.#client.countReceived(count)
    if (begun !== null && !isUnfinished(this.#begun, this.#begun.length, begun.length))
      this.#begin()
    return true
  }

  /** Who leaves without a word has done no harm. */
  #gone(how: 'client-reset' | 'client-gone', cause: string): void {
    this.#client.end(this.#begun === null ? 'finished' : how, cause)
  }

  /** The time for the first head is over. */
  onDeadline(): void {
    this.#begin().onDeadline()
  }

  /** weir is stopping. */
  drain(): void {
    this.#begin().drain()
  }

  /** Steps since it was accepted, if it has said nothing; else -1. @param now step of the wheel */
  idleSteps(now: number): number {
    return this.#begun === null ? now - this.#deadline.since : -1
  }

  /** Adds what it holds now. */
  hold(held: Held): void {
    held.fromClient += this.#begun?.length ?? 0
  }

  /** The session is over. */
  abort(): void {}

  /** What has passed of the time for a head has passed. */
  #begin(): Http1Session {
    const client = this.#client
    const { deadlines, config } = client.edge
    stopListening(this.#socket, FirstBytes.#listeners)
    const passedMs = (deadlines.now - this.#deadline.since) * STEP_MS
    deadlines.clear(this.#deadline)
    const http = new Http1Session(
      client,
      this.#socket,
      client.entrance.httpRoutes!,
      this.#readBuffer,
    )
    client.http = http
    http.start(Math.max(STEP_MS, config.http.headTimeoutMs - passedMs))
    if (this.#begun !== null) http.takeUp(this.#begun)
    return http
  }
}
