/**
 * A client of plain HTTP that has said nothing yet.
 *
 * Many never do: who hoards connections, who has one in hand just in case. A session of HTTP is made of a dozen objects,
 * which the collector has to carry along for as long as it lives; so it is made with the first byte, or when there is
 * something else to be done about it.
 */
import { type Deadline, STEP_MS } from '../transport/deadlines.ts'
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
  /** The session's: it tells {@link expired}. */
  readonly #deadline: Deadline

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
      this[FIRST]!.#client.end('finished', error.code ?? error.message)
    },
    close(this: SilentSocket): void {
      this[FIRST]!.#client.end('finished', '')
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
    return this.#begin().onBytes(bytes, count)
  }

  /** The time for the first head is over. */
  expired(): void {
    this.#begin().expired()
  }

  /** weir is stopping. */
  drain(): void {
    this.#begin().drain()
  }

  /** Steps since it was accepted. @param now step of the wheel */
  idleSteps(now: number): number {
    return now - this.#deadline.since
  }

  /** It holds nothing. */
  hold(): void {}

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
    return http
  }
}
