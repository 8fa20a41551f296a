/**
 * What goes to one client: gathered into one write per turn, and watched while the client takes it slowly.
 *
 * A client that reads nothing, or a byte now and then, holds a backend and memory: see uptake.ts.
 */
import type { Socket } from 'node:net'
import { latin1 } from '../core/latin1.ts'
import { Deadline, type DeadlineOwner, type Deadlines } from '../transport/deadlines.ts'
import { writeText } from '../transport/direct-write.ts'
import { PlainSocket } from '../transport/plain-socket.ts'
import type { TlsSocket } from '../transport/tls-socket.ts'
import { Uptake, type UptakeLimits } from './uptake.ts'

/** Pieces of a response up to this size are gathered into one write. */
const GATHER_MAX = 16_384
/** How often a slow client is looked at. */
const LOOK_MS = 1000

export interface ClientWriterOwner {
  /** The client has taken what there was. */
  onClientDrain(): void
  /** It takes nothing, or too little (`--write-timeout`, `--write-rate-min`). */
  onClientSlow(): void
}

export interface ClientWriterParts {
  readonly socket: Socket | PlainSocket
  /** The TCP socket; the same one without TLS. */
  readonly plain: Socket | PlainSocket
  readonly deadlines: Deadlines
  readonly limits: UptakeLimits
  readonly owner: ClientWriterOwner
}

export class ClientWriter implements DeadlineOwner {
  readonly #parts: ClientWriterParts
  readonly #encrypts: boolean
  /** null of a client that was never waited for. */
  #deadline: Deadline | null = null
  /** Likewise. */
  #uptake: Uptake | null = null
  #out = ''
  #waits = false
  #closed = false

  constructor(parts: ClientWriterParts) {
    this.#parts = parts
    this.#encrypts = parts.socket !== parts.plain
  }

  /** @param text latin1 */
  text(text: string): void {
    this.#out += text
  }

  /**
   * Writes at once, and what has gathered before it.
   *
   * @param bytes all that there is for the client in this turn
   * @returns whether it is done with them; if not, they are its own from here on
   */
  lend(bytes: Buffer): boolean {
    const { socket } = this.#parts
    if (this.#out !== '' || this.#closed || !isFree(socket)) {
      this.#out += latin1(bytes, 0, bytes.length)
      return true
    }
    return socket.write(bytes)
  }

  /** @returns whether it is done with the bytes; if not, the owner hears when */
  bytes(bytes: Buffer, start: number, end: number): boolean {
    if (this.#out.length + end - start <= GATHER_MAX) {
      this.#out += latin1(bytes, start, end)
      return true
    }
    const { socket } = this.#parts
    this.flush()
    const piece = bytes.subarray(start, end)
    if (this.#encrypts) {
      // Behind an earlier write that is still under way it would wait as it is.
      socket.write(socket.writableLength === 0 ? piece : Buffer.from(piece))
      return true
    }
    const below = socket.write(piece)
    if (socket.writableLength === 0) return true
    // Of a socket of Node only a write that reaches the high-water mark is followed by 'drain'.
    if (below && !(socket instanceof PlainSocket)) socket.write(EMPTY, () => this.drained())
    this.#wait()
    return false
  }

  /** Writes what has gathered. @returns false if the client is to be waited for */
  flush(): boolean {
    const { socket } = this.#parts
    if (this.#out !== '' && !this.#closed) {
      const out = this.#out
      this.#out = ''
      if (this.#encrypts) (socket as TlsSocket).writeText(out)
      else if (socket instanceof PlainSocket) socket.write(out)
      else writeText(socket, out)
    }
    if (!socket.writableNeedDrain) return true
    this.#wait()
    return false
  }

  /** The client is waited for: it has not taken what there was. */
  get isWaiting(): boolean {
    return this.#waits
  }

  /** Whether more may be made for the client. Writes what has gathered, if that is much. */
  hasRoom(): boolean {
    if (this.#waits) return false
    const isMuch = this.#out.length > GATHER_MAX || this.#parts.socket.writableNeedDrain
    return !isMuch || this.flush()
  }

  /** The socket says that all is written. */
  drained(): void {
    if (!this.#waits || this.#parts.socket.writableLength > 0) return
    this.#waits = false
    this.#deadline?.stop()
    this.#parts.owner.onClientDrain()
  }

  /** Nothing more is written; idempotent. */
  close(): void {
    this.#closed = true
    this.#waits = false
    this.#out = ''
    this.#deadline?.stop()
  }

  #wait(): void {
    if (this.#waits || this.#closed) return
    const { deadlines, limits, socket, plain } = this.#parts
    this.#waits = true
    if (this.#uptake === null) this.#uptake = new Uptake(socket, plain, limits)
    else this.#uptake.begin()
    this.#deadline ??= new Deadline(this)
    deadlines.set(this.#deadline, LOOK_MS)
  }

  /** Time to look at what the client has taken. */
  onDeadline(): void {
    const { deadlines, owner } = this.#parts
    if (this.#uptake!.isTooSlow()) return owner.onClientSlow()
    deadlines.set(this.#deadline!, LOOK_MS)
  }
}

const EMPTY = Buffer.alloc(0)

/** Whether what is written to it goes to the kernel as it stands. */
function isFree(socket: Socket | PlainSocket): socket is PlainSocket {
  return socket instanceof PlainSocket && socket.writableLength === 0
}
