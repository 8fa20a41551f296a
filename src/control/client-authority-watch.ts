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
import type { Problem } from '../config/flag.ts'
import { StillFiles } from './still-files.ts'

const POLL_MS = 300

export class ClientAuthorityWatch {
  readonly #listeners: readonly ListenerConfig[]
  readonly #log: Logger
  readonly #onChange: (authorities: ClientAuthorities) => void
  readonly #files: StillFiles
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
    this.#files = new StillFiles(listeners.flatMap(filesOf), false)
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
    if (!this.#files.haveChanged()) return
    const read = this.#listeners.map(({ clientCertificates: config }) =>
      config === null ? null : readClientAuthority(config),
    )
    if (!this.#files.take()) return
    const next = read.map((each, i) => this.#judge(each, i))
    if (next.every((each, i) => each === this.#current[i])) return
    this.#current = next
    this.#onChange(next)
    this.#log.info('client authorities replaced')
  }

  #judge(read: ClientAuthority | Problem | null, i: number): ClientAuthority | null {
    const current = this.#current[i] ?? null
    if (read === null) return null
    if ('where' in read) {
      if (read.message !== this.#told[i]) {
        this.#log.error(
          { listener: this.#listeners[i]!.name, error: read.message },
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

function filesOf({ clientCertificates: config }: ListenerConfig): string[] {
  return config === null ? [] : [config.ca, config.crl].filter(Boolean)
}
