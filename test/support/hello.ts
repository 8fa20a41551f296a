/** Builds ClientHellos by hand, good ones and others. */

const HANDSHAKE = 22
const CLIENT_HELLO = 1
const SERVER_NAME = 0

/** The handshake message: random, no session id, one suite, null compression, and the extensions. */
export function hello({ extensions }: { extensions: readonly Buffer[] }): Buffer {
  const all = Buffer.concat(extensions)
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    Buffer.from([0]),
    Buffer.from([0, 2, 0x13, 0x01]),
    Buffer.from([1, 0]),
    sized(all),
  ])
  const head = Buffer.from([CLIENT_HELLO, 0, 0, 0])
  head.writeUIntBE(body.length, 1, 3)
  return Buffer.concat([head, body])
}

export function extension(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(2)
  head.writeUInt16BE(type)
  return Buffer.concat([head, sized(body)])
}

export function serverName(name: string): Buffer {
  const entry = Buffer.concat([Buffer.from([0]), sized(Buffer.from(name))])
  return extension(SERVER_NAME, sized(entry))
}

/** @param sizes of the records, taken in turn; one record unless given */
export function record(message: Buffer, sizes: readonly number[] = [message.length]): Buffer {
  const records: Buffer[] = []
  for (let at = 0, turn = 0; at < message.length; turn++) {
    const part = message.subarray(at, at + sizes[turn % sizes.length]!)
    records.push(Buffer.from([HANDSHAKE, 3, 1]), sized(part))
    at += part.length
  }
  return Buffer.concat(records)
}

function sized(bytes: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}
