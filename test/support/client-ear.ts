/** A client that keeps what it is told, and reads it by llhttp. */
import type { Socket } from 'node:net'
import { type Reading, readResponsesByLlhttp } from './llhttp.ts'

export class ClientEar {
  /** latin1 */
  text = ''
  closed = false
  readonly socket: Socket

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => (this.text += bytes.toString('latin1')))
    socket.on('end', () => (this.closed = true))
    socket.on('close', () => (this.closed = true))
  }

  /** @param asked methods of the requests, in order */
  responses(asked: readonly string[]): Reading {
    return readResponsesByLlhttp(this.text, asked, this.closed)
  }

  /** Of whole responses, 1xx left out. */
  statuses(asked: readonly string[]): number[] {
    return this.responses(asked)
      .messages.map(({ line }) => Number(line.slice(0, 3)))
      .filter(status => status >= 200)
  }
}
