/** A backend that swallows bodies and answers `ok` once they are whole. */
import { createServer, type Socket } from 'node:net'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** Prints its address. */
export function startSink(): void {
  const server = createServer({ noDelay: true }, serve)
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
    process.stdout.write(`${JSON.stringify(server.address())}\n`)
  })
}

function serve(socket: Socket): void {
  let head = ''
  let left = 0
  socket.on('error', () => {})
  socket.on('data', (bytes: Buffer) => {
    if (left === 0) {
      head += bytes.toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end === -1) return
      const length = Number(/content-length: (\d+)/i.exec(head.slice(0, end))?.[1] ?? 0)
      left = length - (head.length - end - 4)
      head = ''
    } else left -= bytes.length
    if (left === 0) socket.write(OK)
  })
}
