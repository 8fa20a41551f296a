/**
 * Watches the files of client authorities and of what they revoked, and hands new ones to the workers.
 *
 * Polled for the same reasons as certificates (certificate-watch.ts). A file that cannot be used is told of
 * once, and the old one stays in force.
 */
import type { Logger } from 'pino'
import {
  type ClientAuthorities,
  type ClientAuthority,
  readClientAuthority,
} from '../config/client-authorities.ts'
import type { ListenerConfig } from '../config/config.ts'

const POLL_MS = 500

export class ClientAuthorityWatch {
  readonly #listeners: readonly ListenerConfig[]
  readonly #log: Logger
  readonly #onChange: (authorities: ClientAuthorities) => void
  #current: ClientAuthorities
  /** By listener: the problem that was told of last; '' for none. */
  readonly #told: string[]
  #timer: NodeJS.Timeout | null = null

  /** @param first as they were read at start */
  constructor(
    listeners: readonly ListenerConfig[],
    first: ClientAuthorities,
    log: Logger,
    onChange: (authorities: ClientAuthorities) => void,
  ) {
    this.#listeners = listeners
    this.#current = first
    this.#log = log
    this.#onChange = onChange
    this.#told = listeners.map(() => '')
  }

  get authorities(): ClientAuthorities {
    return this.#current
  }

  start(): void {
    if (this.#current.every(each => each === null)) return
    this.#timer = setInterval(() => this.check(), POLL_MS)
    this.#timer.unref()
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
  }

  check(): void {
    const next = this.#listeners.map((listener, i) => this.#read(listener, i))
    if (next.every((each, i) => each === this.#current[i])) return
    this.#current = next
    this.#onChange(next)
    this.#log.info('client authorities replaced')
  }

  #read({ name, clientCertificates }: ListenerConfig, i: number): ClientAuthority | null {
    const current = this.#current[i] ?? null
    if (clientCertificates === null) return null
    const read = readClientAuthority(clientCertificates)
    if ('where' in read) {
      if (read.message !== this.#told[i]) {
        this.#log.error(
          { listener: name, error: read.message },
          'new client authorities are not usable, keeping the old ones',
        )
      }
      this.#told[i] = read.message
      return current
    }
    this.#told[i] = ''
    return read.ca === current?.ca && read.crl === current.crl ? current : read
  }
}
