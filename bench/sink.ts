/** A backend that swallows bodies and answers `ok` once they are whole: as fast as they come, or at a rate. */
import { createServer, type Socket } from 'node:net'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const STEP_MS = 50

/**
 * Prints its address.
 *
 * @param rate bytes a second and connection; 0 is no limit
 */
export function startSink(rate: number): void {
  const server = createServer({ noDelay: true }, socket => serve(socket, rate))
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
    process.stdout.write(`${JSON.stringify(server.address())}\n`)
  })
}

function serve(socket: Socket, rate: number): void {
  let head = ''
  let left = 0
  let allowance = rate
  socket.on('error', () => {})
  const take = (bytes: Buffer): void => {
    if (left === 0) {
      head += bytes.toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end === -1) return
      const length = Number(/content-length: (\d+)/i.exec(head.slice(0, end))?.[1] ?? 0)
      left = length - (head.length - end - 4)
      head = ''
    } else left -= bytes.length
    if (left === 0) socket.write(OK)
  }
  if (rate === 0) {
    socket.on('data', take)
    return
  }
  const timer = setInterval(() => {
    allowance = Math.min(rate, allowance + (rate * STEP_MS) / 1000)
    if (allowance > 0) socket.resume()
  }, STEP_MS)
  socket.on('close', () => clearInterval(timer))
  socket.on('data', (bytes: Buffer) => {
    allowance -= bytes.length
    if (allowance <= 0) socket.pause()
    take(bytes)
  })
}
