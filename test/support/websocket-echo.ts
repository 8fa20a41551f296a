/** The server's side of WebSocket (RFC 6455), as far as an echo needs it: messages in one frame each. */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const CLOSE = 8
const PING = 9
const PONG = 10
const FIN = 0x80
const MASKED = 0x80

/** An `upgrade` listener for `http.Server`: sends back what it is sent, and closes when it is told to. */
export function echoWebSocket(request: IncomingMessage, socket: Duplex, early: Buffer): void {
  const key = request.headers['sec-websocket-key'] ?? ''
  const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64')
  socket.on('error', () => {})
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  let bytes = early
  const read = (): void => {
    for (let size = answerFrame(bytes, socket); size > 0; size = answerFrame(bytes, socket)) {
      bytes = bytes.subarray(size)
    }
  }
  socket.on('data', (more: Buffer) => {
    bytes = Buffer.concat([bytes, more])
    read()
  })
  read()
}

/** @returns bytes of the frame that `bytes` begins with, 0 if it is not whole */
function answerFrame(bytes: Buffer, socket: Duplex): number {
  if (bytes.length < 2) return 0
  const opcode = bytes[0]! & 0x0f
  let length = bytes[1]! & 0x7f
  let at = 2
  if (length === 126) {
    if (bytes.length < 4) return 0
    length = bytes.readUInt16BE(2)
    at = 4
  } else if (length === 127) {
    if (bytes.length < 10) return 0
    length = Number(bytes.readBigUInt64BE(2))
    at = 10
  }
  // A client always masks.
  const end = at + 4 + length
  if ((bytes[1]! & MASKED) === 0 || bytes.length < end) return 0
  const payload = Buffer.from(bytes.subarray(at + 4, end))
  for (let i = 0; i < length; i++) payload[i]! ^= bytes[at + (i & 3)]!
  socket.write(frame(opcode === PING ? PONG : opcode, payload))
  if (opcode === CLOSE) socket.end()
  return end
}

function frame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10)
  head[0] = FIN | opcode
  if (length < 126) head[1] = length
  else if (length < 65_536) {
    head[1] = 126
    head.writeUInt16BE(length, 2)
  } else {
    head[1] = 127
    head.writeBigUInt64BE(BigInt(length), 2)
  }
  return Buffer.concat([head, payload])
}
