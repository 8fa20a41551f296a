/**
 * A backend as a process of its own, to be killed in the middle of its answers: `node mortal.ts PORT`.
 *
 * `/FRAMING/SIZE/ID` gets a body that says at every place whose it is, in pieces, framed as asked for.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'

export const framings = ['length', 'chunks', 'close'] as const
export type Framing = (typeof framings)[number]

const PIECE = 8192

/** What `/FRAMING/SIZE/ID` gets, whole. */
export function bodyOf(id: number, size: number): string {
  let text = ''
  for (let n = 0; text.length < size; n++) text += `${id}.${n};`
  return text.slice(0, size)
}

export class Mortal {
  port = 0
  #child: ChildProcess | null = null

  /** On the same port as before. @param t ends with it */
  async start(t: Test): Promise<void> {
    const script = new URL(import.meta.url).pathname
    const child = spawn(process.execPath, [script, String(this.port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child = child
    t.teardown(() => this.kill())
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    this.port = Number(line)
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const closed = once(child, 'close')
    child.kill('SIGKILL')
    await closed
  }
}

function serve(socket: Socket): void {
  let text = ''
  socket.on('error', () => {})
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1')
    const match = /^(?:GET|POST) \/(\w+)\/(\d+)\/(\d+) [^]*\r\n\r\n/.exec(text)
    if (match === null) return
    text = ''
    const [, framing, size, id] = match
    void answer(socket, framing as Framing, bodyOf(Number(id), Number(size)))
  })
}

async function answer(socket: Socket, framing: Framing, body: string): Promise<void> {
  const field = {
    length: `Content-Length: ${body.length}`,
    chunks: 'Transfer-Encoding: chunked',
    close: 'Connection: close',
  }[framing]
  socket.write(`HTTP/1.1 200 OK\r\n${field}\r\n\r\n`)
  for (let at = 0; at < body.length; at += PIECE) {
    const piece = body.slice(at, at + PIECE)
    socket.write(framing === 'chunks' ? `${piece.length.toString(16)}\r\n${piece}\r\n` : piece)
    await pause(1)
  }
  if (framing === 'chunks') socket.write('0\r\n\r\n')
  if (framing === 'close') socket.end()
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const server = createServer(serve)
  server.listen(Number(process.argv[2]), '127.0.0.1', () => {
    const address = server.address()
    process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`)
  })
}
