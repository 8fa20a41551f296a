/** One address weir accepts on, in one worker: all its sockets and those of all workers share the port (SO_REUSEPORT). */
import { createServer, type Server, Socket, type SocketConstructorOpts } from 'node:net'
import { action } from '../core/actions.ts'
import { isPlainHandle } from './plain-handle.ts'
import { PlainSocket } from './plain-socket.ts'
import type { RawHandle } from './raw-handle.ts'
import type { ClientReadBuffer } from './read-buffer.ts'
import { resetPlain, type Tarpit } from './tarpit.ts'

/** Connections that may wait for accept; the kernel caps it at net.core.somaxconn. */
const BACKLOG = 4096
/**
 * Sockets that listen in each worker, on one port. The runtime takes one connection of each in a turn of its loop: of a
 * single one, turns that are long because much is moved let those who knock wait for one another, and a connection
 * pays for a turn of its own. (2000 slow readers: others waited up to 500 ms, now 30; a connection with a
 * request costs a quarter less.)
 */
const QUEUES = 8
const LET_IN = 0
const CLOSE = action('close')
const TARPIT = action('tarpit')

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** Who decides on connections. */
export interface Door {
  /**
   * @param address of the peer, as the kernel writes it
   * @returns 0 to let it in, or the number of what is to be done with it (core/actions.ts)
   */
  admits(address: string, port: number): number
  /** What a plain socket of this door reads into; null if it is to be a socket of Node. */
  newReadBuffer(): ClientReadBuffer | null
  /** The connection that was just admitted. @param readBuffer null of a socket of Node */
  onConnection(socket: Socket | PlainSocket, readBuffer: ClientReadBuffer | null): void
}

export class Listener {
  readonly #servers: readonly Server[]
  readonly #door: Door
  readonly #tarpit: Tarpit
  /** Whether the door was asked already when Node reports a connection. */
  #asksEarly = false

  constructor(door: Door, tarpit: Tarpit) {
    this.#door = door
    this.#tarpit = tarpit
    this.#servers = Array.from({ length: QUEUES }, () =>
      createServer({ allowHalfOpen: true }, socket => this.#accept(socket)),
    )
  }

  /**
   * Starts to listen.
   *
   * @returns the port, which the kernel chose if 0 was asked for
   * @throws the system's error (EADDRINUSE, EACCES, EADDRNOTAVAIL)
   */
  async listen({ host, port }: ListenAddress): Promise<number> {
    let chosen = port
    for (const server of this.#servers) chosen = await this.#open(server, host, chosen)
    return chosen
  }

  /** Stops accepting; sessions go on. */
  close(): void {
    for (const server of this.#servers) server.close()
  }

  #open(server: Server, host: string, port: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    server.once('error', reject)
    server.listen({ host, port, backlog: BACKLOG, reusePort: true }, () => {
      server.off('error', reject)
      this.#asksEarly = askEarly(server, this.#door, this.#tarpit)
      // Running out of descriptors is told here; accept goes on when there are some again.
      server.on('error', () => {})
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
    return promise
  }

  #accept(socket: Socket): void {
    if (this.#asksEarly) return this.#door.onConnection(socket, null)
    const { remoteAddress, remotePort } = socket
    socket.setNoDelay(true)
    if (remoteAddress === undefined || remotePort === undefined) return resetPlain(socket, socket)
    const verdict = this.#door.admits(remoteAddress, remotePort)
    if (verdict === LET_IN) return this.#door.onConnection(socket, null)
    socket.on('error', () => {})
    if (verdict === TARPIT) this.#tarpit.holdSocket(socket, socket)
    else if (verdict === CLOSE) socket.destroy()
    else resetPlain(socket, socket)
  }
}

/** What Node's server has below it. Not public: everything is checked before it is relied on. */
interface ServerHandle {
  setNoDelay(on: boolean): number
  onconnection(status: number, client: ClientHandle): void
}

interface Peer {
  address: string
  port: number
}

interface ClientHandle extends RawHandle {
  /** @returns 0 or an error; `out` is written only if 0 */
  getpeername(out: Peer): number
}

/**
 * Asks the door before Node makes a `Socket`: that object costs a third of a refused connection
 * (15 µs with it, 10 without, HAProxy 9; `npm run bench -- --only refused`).
 *
 * @returns false if this Node has no such place; then the door is asked when the socket is there
 */
function askEarly(server: Server, door: Door, tarpit: Tarpit): boolean {
  // oxlint-disable-next-line no-underscore-dangle -- Node's name for it
  const handle = (server as unknown as { _handle?: Partial<ServerHandle> | null })._handle
  const onconnection = handle?.onconnection
  if (handle === null || handle === undefined || typeof onconnection !== 'function') return false
  // Sockets have it from the one that accepts them (Linux): a system call less for each.
  if (handle.setNoDelay?.(true) !== 0) return false
  const peer: Peer = { address: '', port: 0 }
  handle.onconnection = (status, client) => {
    if (status === 0) {
      // Gone already: the kernel does not even know any more who it was.
      if (client.getpeername(peer) !== 0) return void client.reset()
      const verdict = door.admits(peer.address, peer.port)
      if (verdict !== LET_IN) {
        if (verdict === TARPIT) tarpit.hold(client)
        else if (verdict === CLOSE) client.close()
        else client.reset()
        return
      }
    }
    if (status !== 0) return onconnection.call(handle as ServerHandle, status, client)
    const readBuffer = door.newReadBuffer()
    if (readBuffer !== null && isPlainHandle(client)) {
      return door.onConnection(new PlainSocket(client, readBuffer), readBuffer)
    }
    // What Node's own server would do now.
    const options = { handle: client, allowHalfOpen: true }
    door.onConnection(new Socket(options as unknown as SocketConstructorOpts), null)
  }
  return true
}
