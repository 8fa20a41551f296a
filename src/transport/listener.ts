/** One address weir accepts on, in one worker: all workers listen on the same port (SO_REUSEPORT). */
import { createServer, type Server, type Socket } from 'node:net'

/** Connections that may wait for accept; the kernel caps it at net.core.somaxconn. */
const BACKLOG = 4096

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

export class Listener {
  readonly #server: Server

  constructor(onConnection: (socket: Socket) => void) {
    this.#server = createServer({ allowHalfOpen: true }, onConnection)
  }

  /**
   * Starts to listen.
   *
   * @returns the port, which the kernel chose if 0 was asked for
   * @throws the system's error (EADDRINUSE, EACCES, EADDRNOTAVAIL)
   */
  listen({ host, port }: ListenAddress): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    this.#server.once('error', reject)
    this.#server.listen({ host, port, backlog: BACKLOG, reusePort: true }, () => {
      this.#server.off('error', reject)
      // Running out of descriptors is told here; accept goes on when there are some again.
      this.#server.on('error', () => {})
      const address = this.#server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
    return promise
  }

  /** Stops accepting; sessions go on. */
  close(): void {
    this.#server.close()
  }
}
