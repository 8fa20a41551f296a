/**
 * A TLS socket of ours: short texts go to what is below its stream, as direct-write.ts does without TLS.
 *
 * What is below it takes one write at a time, and ends the process if it is given two. So the stream's own writes and
 * its end wait here for a write that went past it; that is over within the same turn of the loop, unless the client
 * does not read.
 *
 * Not public in Node, and looked for there: its own TLS sockets write by the same call as its others.
 */
import { TLSSocket } from 'node:tls'
import { DIRECT_MAX, failure, isKnown } from './direct-write.ts'

/** A write below the stream. */
interface WriteRequest {
  oncomplete: (this: WriteRequest, status: number) => void
  /** Node's place for what is called afterwards; here whose it is. */
  callback: TlsSocket
}

interface WritableHandle {
  /** @returns the number of an error, if that is known at once; else what is told of the end of it */
  writeLatin1String(request: null, text: string): number | WriteRequest
}

type Callback = (error?: Error | null) => void

/* oxlint-disable no-underscore-dangle -- Node's names for what a stream is made of */

export class TlsSocket extends TLSSocket {
  /** A write below the stream is under way. */
  #flying = false
  /** What the stream wants to do, and waits for that. */
  #next: (() => void) | null = null

  /** Whether it was given something that is not yet with the kernel. */
  get isBehind(): boolean {
    return this.#flying || this.writableLength > 0
  }

  /**
   * Writes a text, like `write(text, 'latin1')`.
   *
   * @returns false if the writer should wait for 'drain'
   */
  writeText(text: string): boolean {
    const handle = (this as unknown as { _handle?: WritableHandle | null })._handle
    const isDirect =
      isKnown &&
      handle !== null &&
      handle !== undefined &&
      text.length <= DIRECT_MAX &&
      !this.#flying &&
      this.writableLength === 0 &&
      !this.writableEnded
    if (!isDirect) return this.write(text, 'latin1')
    const request = handle.writeLatin1String(null, text)
    if (typeof request === 'number') {
      if (request !== 0) this.destroy(failure(request))
      return true
    }
    this.#flying = true
    request.callback = this
    request.oncomplete = written
    return true
  }

  override _write(chunk: unknown, encoding: BufferEncoding, callback: Callback): void {
    if (!this.#flying) return super._write(chunk, encoding, callback)
    // Who writes to TLS takes its bytes for encrypted by the time this returns, and reads into the same buffer again.
    const kept = chunk instanceof Uint8Array ? Buffer.from(chunk) : chunk
    this.#next = () => super._write(kept, encoding, callback)
  }

  override _writev(
    chunks: { chunk: unknown; encoding: BufferEncoding }[],
    callback: Callback,
  ): void {
    if (this.#flying) this.#next = () => super._writev!(chunks, callback)
    else super._writev!(chunks, callback)
  }

  override _final(callback: Callback): void {
    if (this.#flying) this.#next = () => super._final(callback)
    else super._final(callback)
  }

  /** A write below the stream is over: goes on with what waited for it. */
  landed(status: number): void {
    const next = this.#next
    this.#flying = false
    this.#next = null
    if (this.destroyed) return
    if (status !== 0) this.destroy(failure(status))
    else next?.()
  }
}

function written(this: WriteRequest, status: number): void {
  this.callback.landed(status)
}
