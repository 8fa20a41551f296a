/**
 * Watches the files of client authorities and of what they revoked, and hands new ones to the workers.
 *
 * Polled for the same reasons as certificates (certificate-watch.ts). A file that cannot be used is told of
 * once, and the old one stays in force.
 */
import { X509Certificate } from 'node:crypto'
import type { Logger } from 'pino'
import { readPem } from '../certificate/pem.ts'
import { nextUpdate } from '../certificate/revocation-list.ts'
import {
  type ClientAuthorities,
  type ClientAuthority,
  readClientAuthority,
} from '../config/client-authorities.ts'
import type { ListenerConfig } from '../config/config.ts'
import type { Problem } from '../config/flag.ts'
import { ExpirySteps } from './expiry-steps.ts'
import { StillFiles } from './still-files.ts'

const POLL_MS = 300
const EXPIRY_CHECK_MS = 3_600_000
/** Days left at which the log speaks up; lists are replaced every day, or every week. */
const AUTHORITY_DAYS = [30, 14, 7, 3, 2, 1, 0, -1]
const LIST_DAYS = [0, -1]

interface Expiry {
  readonly file: string
  readonly isList: boolean
  readonly notAfter: Date
}

export class ClientAuthorityWatch {
  readonly #listeners: readonly ListenerConfig[]
  readonly #log: Logger
  readonly #onChange: (authorities: ClientAuthorities) => void
  readonly #files: StillFiles
  #current: ClientAuthorities
  /** By listener: the problem that was told of last; '' for none. */
  readonly #told: string[]
  readonly #authoritySteps = new ExpirySteps(AUTHORITY_DAYS)
  readonly #listSteps = new ExpirySteps(LIST_DAYS)
  /** Of the files in force. */
  #expiries: readonly Expiry[] = []
  #timers: NodeJS.Timeout[] = []

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
    this.#expiries = this.#readExpiries()
  }

  get authorities(): ClientAuthorities {
    return this.#current
  }

  start(): void {
    if (this.#current.every(each => each === null)) return
    this.warnOfExpiry(new Date())
    this.#timers = [
      setInterval(() => this.check(), POLL_MS),
      setInterval(() => this.warnOfExpiry(new Date()), EXPIRY_CHECK_MS),
    ]
    for (const timer of this.#timers) timer.unref()
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.#timers = []
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
    this.#expiries = this.#readExpiries()
    this.#authoritySteps.clear()
    this.#listSteps.clear()
    this.warnOfExpiry(new Date())
  }

  /** By file, seconds since 1970: when the first of its certificates expires, or the first of its lists is to be replaced. */
  expiry(): ReadonlyMap<string, number> {
    return new Map(this.#expiries.map(({ file, notAfter }) => [file, notAfter.getTime() / 1000]))
  }

  /** Speaks up once per step. */
  warnOfExpiry(now: Date): void {
    for (const { file, isList, notAfter } of this.#expiries) {
      const days = (isList ? this.#listSteps : this.#authoritySteps).reached(file, notAfter, now)
      if (days === null) continue
      const facts = { file, expires: notAfter.toISOString(), days_left: days }
      if (days >= 0) {
        const what = isList ? 'revocation list is to be replaced' : 'client authority expires'
        this.#log.warn(facts, `${what} soon`)
      } else if (isList) {
        this.#log.error(facts, 'revocation list is out of date: clients of its issuer are refused')
      } else {
        this.#log.error(facts, 'client authority has expired: its clients are refused')
      }
    }
  }

  #readExpiries(): Expiry[] {
    return this.#listeners.flatMap(({ clientCertificates: config }, i) => {
      const authority = this.#current[i]
      if (config === null || authority === null || authority === undefined) return []
      return [
        ...first(config.ca, false, authorityEnds(authority.ca)),
        ...first(config.crl, true, listEnds(authority.crl)),
      ]
    })
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

function first(file: string, isList: boolean, ends: readonly Date[]): Expiry[] {
  if (ends.length === 0) return []
  return [{ file, isList, notAfter: new Date(Math.min(...ends.map(Number))) }]
}

function authorityEnds(pem: string): Date[] {
  return blocksOf(pem, 'CERTIFICATE').map(text => new X509Certificate(text).validToDate)
}

function listEnds(pem: string): Date[] {
  return blocksOf(pem, 'X509 CRL').flatMap(text => nextUpdate(text) ?? [])
}

function blocksOf(pem: string, label: string): string[] {
  return readPem(pem).flatMap(block => (block.label === label ? [block.text] : []))
}
