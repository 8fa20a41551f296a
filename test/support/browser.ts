/** A client that asks as browsers do over HTTP/1.1: six connections to a host, kept, and all it needs at once. */
import { once } from 'node:events'
import { Agent, type Agent as Connections, request } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { Test } from 'tap'

const CONNECTIONS = 6

export interface Site {
  readonly port: number
  /** PEM of the authority of `localhost`. */
  readonly ca: Buffer | string
}

export class Browser {
  /** How often each status came, and each error. */
  readonly answers = new Map<string, number>()
  readonly #site: Site
  #from: string
  #connections: Connections

  constructor(t: Test, site: Site, from: string) {
    this.#site = site
    this.#from = from
    this.#connections = this.#newConnections()
    t.teardown(() => this.#connections.destroy())
  }

  /** A document, and then all its resources. */
  async open(resources = 100): Promise<void> {
    await this.#ask('/')
    await Promise.all(Array.from({ length: resources }, (_, i) => this.#ask(`/${i}`)))
  }

  /** Its connections end with the network they were in. */
  moveTo(from: string): void {
    this.#connections.destroy()
    this.#from = from
    this.#connections = this.#newConnections()
  }

  async #ask(path: string): Promise<void> {
    let answer: string
    try {
      const asked = request({
        ...{ host: '127.0.0.1', port: this.#site.port, path, localAddress: this.#from },
        ...{ servername: 'localhost', ca: this.#site.ca, agent: this.#connections },
      })
      asked.end()
      const [response] = (await once(asked, 'response')) as [IncomingMessage]
      response.resume()
      await once(response, 'end')
      answer = String(response.statusCode)
    } catch (error) {
      answer = (error as NodeJS.ErrnoException).code ?? (error as Error).message
    }
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1)
  }

  #newConnections(): Connections {
    return new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  }
}
