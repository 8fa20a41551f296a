/** Builds ClientHellos by hand, good ones and others. */

const HANDSHAKE = 22
const CLIENT_HELLO = 1
const SERVER_NAME = 0

export interface HelloParts {
  readonly extensions: readonly Buffer[]
  readonly ciphers?: readonly number[]
  /** The legacy one. */
  readonly version?: number
}

/** The handshake message: random, no session id, one suite unless given, null compression, and the extensions. */
export function hello({ extensions, ciphers = [0x1301], version = 0x0303 }: HelloParts): Buffer {
  const all = Buffer.concat(extensions)
  const body = Buffer.concat([
    uint16s([version]),
    Buffer.alloc(32, 7),
    Buffer.from([0]),
    sized(uint16s(ciphers)),
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

/** A list of numbers of two bytes with its length before it. */
export function list(values: readonly number[]): Buffer {
  return sized(uint16s(values))
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

function uint16s(values: readonly number[]): Buffer {
  return Buffer.from(values.flatMap(value => [value >> 8, value & 0xff]))
}

function sized(bytes: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}
