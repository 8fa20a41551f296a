/**
 * Connections without Node's sockets: an attacker must be cheaper than what it attacks.
 *
 * What is used here is not public in Node, which does no harm in a bench: a socket object costs as much as the
 * connection itself.
 */
import { constants } from 'node:os'

interface Handle {
  onread: (() => void) | undefined
  bind(address: string, port: number): number
  bind6(address: string, port: number, flags: number): number
  connect(request: object, address: string, port: number): number
  connect6(request: object, address: string, port: number): number
  useUserBuffer(buffer: Uint8Array): void
  readStart(): number
  writeLatin1String(request: object, text: string): number
  writeBuffer(request: object, bytes: Uint8Array): number
  reset(): number
  close(): void
}

interface Bindings {
  tcp_wrap: {
    TCP: new (type: number) => Handle
    TCPConnectWrap: new () => { oncomplete: (status: number) => void }
    constants: { SOCKET: number }
  }
  stream_wrap: {
    WriteWrap: new () => { oncomplete: () => void }
    kReadBytesOrError: number
    streamBaseState: Int32Array
  }
}

interface Inside {
  binding<K extends keyof Bindings>(name: K): Bindings[K]
}

const inside = process as unknown as Inside
const { TCP, TCPConnectWrap, constants: types } = inside.binding('tcp_wrap')
const { WriteWrap, kReadBytesOrError, streamBaseState } = inside.binding('stream_wrap')

/** -ECONNRESET. */
const RESET = -constants.errno.ECONNRESET
const READ_SIZE = 65_536
/** All connections read into it: what they got is looked at before the next one reads. */
export const received = Buffer.allocUnsafeSlow(READ_SIZE)

/** What an attacker does on one connection. */
export interface RawOwner {
  onConnected(): void
  /** @param count of bytes, in {@link received} */
  onBytes(count: number): void
  /** By the other side, or it could not be connected at all. */
  onClosed(): void
}

export class RawConnection {
  readonly #owner: RawOwner
  #handle: Handle | null = null
  /** It was connected and reset before Node looked at it. */
  wasReset = false

  constructor(owner: RawOwner) {
    this.#owner = owner
  }

  get isOpen(): boolean {
    return this.#handle !== null
  }

  /** @param source an address of its own to come from */
  dial(source: string, host: string, port: number): void {
    const handle = new TCP(types.SOCKET)
    this.#handle = handle
    this.wasReset = false
    const request = new TCPConnectWrap()
    request.oncomplete = status => {
      if (this.#handle !== handle) return
      if (status === 0) return this.#owner.onConnected()
      this.wasReset = status === RESET
      this.#closed()
    }
    const isIpv6 = host.includes(':')
    const failed =
      (isIpv6 ? handle.bind6(source, 0, 0) : handle.bind(source, 0)) ||
      (isIpv6 ? handle.connect6(request, host, port) : handle.connect(request, host, port))
    if (failed !== 0) setImmediate(() => this.#handle === handle && this.#closed())
  }

  /** Until then nothing is read, and the other side fills what there is of windows. */
  read(): void {
    const handle = this.#handle
    if (handle === null) return
    handle.useUserBuffer(received)
    handle.onread = () => {
      if (this.#handle !== handle) return
      const count = streamBaseState[kReadBytesOrError]!
      if (count > 0) this.#owner.onBytes(count)
      else if (count < 0) this.#closed()
    }
    handle.readStart()
  }

  write(what: string | Uint8Array): void {
    const handle = this.#handle
    if (handle === null) return
    const request = new WriteWrap()
    request.oncomplete = ignore
    if (typeof what === 'string') handle.writeLatin1String(request, what)
    else handle.writeBuffer(request, what)
  }

  reset(): void {
    const handle = this.#handle
    this.#handle = null
    handle?.reset()
  }

  #closed(): void {
    const handle = this.#handle
    this.#handle = null
    handle?.close()
    this.#owner.onClosed()
  }
}

function ignore(): void {}
