/**
 * The helper's side of one connection with weir. The table lives as long as the connection: however
 * weir ends, the kernel closes its socket, and the helper takes the table away.
 */
import type { Socket } from 'node:net'
import { formatReply, parseRequest, type Reply, REQUEST_MAX } from './ban-protocol.ts'
import { KernelTable } from './kernel-table.ts'
import { LineReader } from './line-reader.ts'
import type { RunNft } from './nft.ts'

/** Answers that weir does not read are left out from here on. */
const UNREAD_MAX = 65_536

export interface BanSessionParts {
  /** Half open after its end. */
  readonly socket: Socket
  /** Name of the table. */
  readonly table: string
  readonly run: RunNft
  readonly note: (line: string) => void
}

export class BanSession {
  /** Resolves once the connection has ended and the table is gone. */
  readonly ended: Promise<void>
  readonly #parts: BanSessionParts
  readonly #reader: LineReader
  #table: KernelTable | null = null
  #isOver = false

  constructor(parts: BanSessionParts) {
    this.#parts = parts
    this.#reader = new LineReader(REQUEST_MAX, line => this.#take(line))
    const { socket } = parts
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise.then(() => this.#finish())
    socket.on('error', () => {})
    socket.on('data', (bytes: Buffer) => {
      if (!this.#reader.take(bytes)) this.#refuse('a line is too long')
      else if (this.#table?.isFull === true) socket.pause()
    })
    socket.on('end', resolve)
    socket.on('close', () => resolve())
  }

  /** Ends the connection, and takes the table away. */
  async end(): Promise<void> {
    this.#parts.socket.destroy()
    await this.ended
  }

  #take(line: string): void {
    if (this.#isOver) return
    const request = parseRequest(line)
    if (request === null) return this.#refuse('a line is not understood')
    if (request.type === 'hello') {
      if (this.#table === null) void this.#begin(request.ports)
      else this.#refuse('hello came twice')
      return
    }
    const table = this.#table
    if (table === null) return this.#refuse('hello must come first')
    if (request.type === 'add') table.add(request.block, request.seconds)
    else if (request.type === 'remove') table.remove(request.block)
    else void this.#count(table)
  }

  async #begin(ports: readonly number[]): Promise<void> {
    const { table: name, run, socket } = this.#parts
    const table = new KernelTable({
      name,
      ports,
      run,
      onFailure: (total, text) => this.#say({ type: 'failed', total, text }),
      onRoom: () => socket.resume(),
    })
    this.#table = table
    try {
      await table.create()
      this.#say({ type: 'ready', table: name })
    } catch (error) {
      this.#refuse((error as Error).message)
    }
  }

  async #count(table: KernelTable): Promise<void> {
    try {
      this.#say({ type: 'counters', ...(await table.counters()) })
    } catch {
      // It was told as a failure.
    }
  }

  #refuse(text: string): void {
    if (this.#isOver) return
    this.#parts.note(text)
    this.#say({ type: 'error', text })
    this.#isOver = true
    this.#parts.socket.destroySoon()
  }

  #say(reply: Reply): void {
    const { socket } = this.#parts
    if (this.#isOver || !socket.writable || socket.writableLength > UNREAD_MAX) return
    socket.write(formatReply(reply))
  }

  /** Closing tells weir that the table is gone, so it comes last. */
  async #finish(): Promise<void> {
    this.#isOver = true
    try {
      await this.#table?.destroy()
    } catch (error) {
      this.#parts.note(`the table stays behind: ${(error as Error).message}`)
    }
    this.#parts.socket.destroy()
  }
}
