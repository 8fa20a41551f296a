/**
 * The gate: reads what a client sends first and decides on it before any cryptography.
 *
 * The bytes are looked at as they come from the plain socket and then put back, so the TLS library
 * (or, for a passthrough, the backend) sees them as if nobody had.
 */
import type { Socket } from 'node:net'
import { refusal } from '../core/refusals.ts'
import {
  BAD_SNI,
  ClientHello,
  HELLO_TOO_LARGE,
  NEED_MORE,
  NOT_TLS,
  OK,
} from '../codec/client-hello.ts'
import { ProxyHeader } from '../codec/proxy-protocol.ts'
import { Deadline, type DeadlineOwner, type Deadlines } from './deadlines.ts'

const NOT_TLS_REFUSAL = refusal('not-tls')
const MALFORMED = refusal('hello-malformed')
const TOO_LARGE = refusal('hello-too-large')
const TIMEOUT = refusal('hello-timeout')
const BAD_NAME = refusal('bad-server-name')
const HEADER_MALFORMED = refusal('proxy-header-malformed')
const HEADER_TIMEOUT = refusal('proxy-header-timeout')

/** The PROXY protocol asks receivers to wait 3 s at least: one lost SYN and a retransmission. */
const PROXY_HEADER_TIMEOUT_MS = 3000

export interface GateOwner {
  /** A whole PROXY header came. */
  onProxyHeader(header: ProxyHeader): void
  /** A whole ClientHello came; the socket is paused and will give its bytes again. */
  onHello(hello: ClientHello): void
  onGateRefused(refusal: number): void
  /** The client left before it had said enough. */
  onGateClosed(): void
}

export class Gate implements DeadlineOwner {
  readonly #socket: Socket
  readonly #owner: GateOwner
  readonly #deadlines: Deadlines
  readonly #deadline: Deadline
  /** What came so far: the first {@link #length} bytes. */
  #bytes: Buffer = EMPTY
  #length = 0
  #hello: ClientHello | null = null
  #wanted: 'header' | 'hello' | null = null

  readonly #onData = (chunk: Buffer): void => this.#read(chunk)
  readonly #onGone = (): void => {
    this.#stop()
    this.#owner.onGateClosed()
  }

  constructor(socket: Socket, owner: GateOwner, deadlines: Deadlines) {
    this.#socket = socket
    this.#owner = owner
    this.#deadlines = deadlines
    this.#deadline = new Deadline(this)
  }

  readProxyHeader(): void {
    this.#start('header', PROXY_HEADER_TIMEOUT_MS)
  }

  readHello(timeoutMs: number): void {
    this.#start('hello', timeoutMs)
  }

  onDeadline(): void {
    this.#refuse(this.#wanted === 'header' ? HEADER_TIMEOUT : TIMEOUT)
  }

  /** Bytes it keeps. */
  get size(): number {
    return this.#bytes.length
  }

  /** Stops looking; idempotent. */
  cancel(): void {
    this.#stop()
  }

  #start(wanted: 'header' | 'hello', timeoutMs: number): void {
    this.#wanted = wanted
    this.#deadlines.set(this.#deadline, timeoutMs)
    this.#socket.on('data', this.#onData)
    this.#socket.on('end', this.#onGone)
    this.#socket.on('close', this.#onGone)
    this.#socket.resume()
  }

  #stop(): void {
    this.#wanted = null
    this.#deadlines.clear(this.#deadline)
    this.#socket.off('data', this.#onData)
    this.#socket.off('end', this.#onGone)
    this.#socket.off('close', this.#onGone)
  }

  #read(chunk: Buffer): void {
    this.#append(chunk)
    if (this.#wanted === 'header') this.#readHeader()
    else this.#readHello()
  }

  /** Grows by doubling: a client that sends byte by byte must not make every byte copy all before it. */
  #append(chunk: Buffer): void {
    const length = this.#length + chunk.length
    if (this.#length === 0) {
      this.#bytes = chunk
    } else {
      if (length > this.#bytes.length) {
        const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#bytes.length, 1024))
        this.#bytes.copy(larger, 0, 0, this.#length)
        this.#bytes = larger
      }
      chunk.copy(this.#bytes, this.#length)
    }
    this.#length = length
  }

  #readHeader(): void {
    const header = new ProxyHeader()
    const used = header.parse(this.#bytes, this.#length)
    if (used === NEED_MORE) return
    if (used < 0) return this.#refuse(HEADER_MALFORMED)
    this.#handBack(used)
    this.#owner.onProxyHeader(header)
  }

  #readHello(): void {
    // Kept between reads: it knows how far it has come.
    this.#hello ??= new ClientHello()
    const hello = this.#hello
    const result = hello.parse(this.#bytes, this.#length)
    if (result === NEED_MORE) return
    if (result !== OK) return this.#refuse(helloRefusal(result))
    this.#handBack(0)
    this.#owner.onHello(hello)
  }

  /** Puts the bytes from `start` on back in front of what the socket will give next. */
  #handBack(start: number): void {
    const bytes = this.#bytes.subarray(0, this.#length)
    this.#bytes = EMPTY
    this.#length = 0
    this.#stop()
    this.#socket.pause()
    if (start < bytes.length) this.#socket.unshift(bytes.subarray(start))
  }

  #refuse(refused: number): void {
    this.#stop()
    this.#socket.pause()
    this.#owner.onGateRefused(refused)
  }
}

function helloRefusal(result: number): number {
  if (result === NOT_TLS) return NOT_TLS_REFUSAL
  if (result === HELLO_TOO_LARGE) return TOO_LARGE
  if (result === BAD_SNI) return BAD_NAME
  return MALFORMED
}

const EMPTY = Buffer.alloc(0)
