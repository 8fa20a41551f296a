/**
 * Where connections are held in silence: a queue of descriptors that nobody reads, each reset when its time is over.
 *
 * They cost the kernel what it has received, and weir a handle. That a client leaves, or sends, is not noticed: a
 * descriptor is busy for as long as the time says, and there are no more of them than the bound.
 */
import type { Socket } from 'node:net'
import type { PlainSocket } from './plain-socket.ts'
import { Deadline, type DeadlineOwner, type Deadlines, STEP_MS } from './deadlines.ts'
import { type RawHandle, takeHandle } from './raw-handle.ts'
import { reset } from './reset.ts'

export class Tarpit implements DeadlineOwner {
  readonly #deadlines: Deadlines
  readonly #timeMs: number
  /** A ring: all are held for the same time, so the oldest is due first. */
  readonly #held: (RawHandle | null)[]
  /** By place in the ring: the step at which it is due. */
  readonly #due: Int32Array
  readonly #deadline = new Deadline(this)
  #first = 0
  #size = 0
  #isClosed = false

  /** @param max how many at once; 0 for none at all */
  constructor(deadlines: Deadlines, max: number, timeMs: number) {
    this.#deadlines = deadlines
    this.#timeMs = timeMs
    this.#held = Array.from({ length: max }, () => null)
    this.#due = new Int32Array(max)
  }

  get size(): number {
    return this.#size
  }

  /** Whether no more are taken. */
  get isFull(): boolean {
    return this.#isClosed || this.#size === this.#held.length
  }

  /** One that nobody reads; reset at once if there is no room. */
  hold(handle: RawHandle): void {
    if (this.isFull) {
      handle.reset()
      return
    }
    const place = (this.#first + this.#size) % this.#held.length
    this.#held[place] = handle
    this.#due[place] = this.#deadlines.now + Math.ceil(this.#timeMs / STEP_MS)
    this.#size++
    if (this.#size === 1) this.#deadlines.set(this.#deadline, this.#timeMs)
  }

  /**
   * Takes the descriptor of a client that has a socket already. Nobody else may touch that from here on.
   *
   * @param plain  the TCP socket
   * @param socket the TLS socket around it, or the same
   */
  holdSocket(plain: Socket | PlainSocket, socket: Socket | PlainSocket): void {
    withoutSocket(plain, socket, handle => this.hold(handle))
  }

  /** Resets all that are held, and takes no more. */
  close(): void {
    this.#isClosed = true
    this.#deadline.stop()
    while (this.#size > 0) this.#resetFirst()
  }

  onDeadline(): void {
    const { now } = this.#deadlines
    while (this.#size > 0 && this.#due[this.#first]! <= now) this.#resetFirst()
    if (this.#size === 0) return
    this.#deadlines.set(this.#deadline, (this.#due[this.#first]! - now) * STEP_MS)
  }

  #resetFirst(): void {
    const handle = this.#held[this.#first]
    this.#held[this.#first] = null
    this.#first = (this.#first + 1) % this.#held.length
    this.#size--
    handle?.reset()
  }
}

/** RST through TLS as well, where {@link reset} only leaves out the close_notify. Nobody else may touch the socket. */
export function resetPlain(plain: Socket | PlainSocket, socket: Socket | PlainSocket): void {
  if (plain === socket) reset(plain)
  else withoutSocket(plain, socket, handle => handle.reset())
}

function withoutSocket(
  plain: Socket | PlainSocket,
  socket: Socket | PlainSocket,
  use: (handle: RawHandle) => void,
): void {
  // The memory it reads to may be another's from here on.
  socket.pause()
  setImmediate(() => {
    const handle = takeHandle(plain, socket)
    if (handle !== null) return use(handle)
    reset(socket)
    if (plain !== socket) plain.destroy()
  })
}
