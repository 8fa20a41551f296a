/** One large body through weir, and a side that takes it at a steady, slow pace. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

const STEP_MS = 20
const chunk = Buffer.alloc(65_536, 1)

export type Direction = 'download' | 'upload'

/** Takes `total` bytes from `socket`, `rate` of them a second. */
async function take(socket: Socket, total: number, rate: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const step = (rate * STEP_MS) / 1000
  let quota = 0
  let left = total
  socket.on('data', (bytes: Buffer) => {
    left -= bytes.length
    quota -= bytes.length
    if (left <= 0) resolve()
    else if (quota <= 0) socket.pause()
  })
  socket.on('close', () => reject(new Error(`closed with ${left} bytes left`)))
  const timer = setInterval(() => {
    quota = Math.min(quota + step, step)
    if (quota > 0) socket.resume()
  }, STEP_MS)
  await promise.finally(() => clearInterval(timer))
}

/** Writes `total` bytes as fast as they are taken. */
async function give(socket: Socket, total: number): Promise<void> {
  for (let left = total; left > 0; left -= chunk.length) {
    if (!socket.write(chunk.subarray(0, left))) await once(socket, 'drain')
  }
}

/** Sends a body of `bytes`, or takes one at `rate`. */
export async function startTrickleBackend(
  direction: Direction,
  bytes: number,
  rate: number,
): Promise<{ port: number; close(): void }> {
  const server: Server = createServer({ noDelay: true }, socket => {
    socket.on('error', () => {})
    // Only heads end so: the body is of ones.
    socket.once('data', (first: Buffer) => {
      const head = first.indexOf('\r\n\r\n') + 4
      if (direction === 'download') {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`)
        give(socket, bytes).catch(() => socket.destroy())
        return
      }
      socket.pause()
      take(socket, bytes - (first.length - head), rate).then(
        () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
        () => socket.destroy(),
      )
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() }
}

/** @throws if the body does not come through whole */
export async function trickle(
  port: number,
  direction: Direction,
  bytes: number,
  rate: number,
): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => {})
  await once(socket, 'connect')
  if (direction === 'download') {
    socket.write('GET / HTTP/1.1\r\nHost: bench\r\n\r\n')
    // The head is a little more than what is counted; it does not matter here.
    await take(socket, bytes, rate)
  } else {
    const answer = once(socket, 'data') as Promise<[Buffer]>
    socket.write(`PUT / HTTP/1.1\r\nHost: bench\r\nContent-Length: ${bytes}\r\n\r\n`)
    await give(socket, bytes)
    const [text] = await answer
    if (!text.toString().startsWith('HTTP/1.1 200 ')) throw new Error(text.toString())
  }
  socket.destroy()
}
