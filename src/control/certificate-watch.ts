/**
 * Watches the certificate files and hands new pairs to the workers once both halves fit.
 *
 * Polled, not watched: renewals replace files by rename or by swapping a symbolic link to a folder
 * (certbot, Kubernetes), of which inotify on the old file hears nothing.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Logger } from 'pino'
import { inspectCertificate } from '../certificate/inspect.ts'
import type { CertificateConfig } from '../config/config.ts'
import type { CertificatePem } from '../config/messages.ts'
import { ExpirySteps } from './expiry-steps.ts'
import { StillFiles } from './still-files.ts'

const POLL_MS = 500
const EXPIRY_CHECK_MS = 3_600_000
/** Days before expiry at which the log speaks up; -1 is once it is over. */
const WARN_DAYS = [30, 14, 7, 3, 2, 1, 0, -1]

export class CertificateWatch {
  readonly #pairs: readonly CertificateConfig[]
  readonly #log: Logger
  readonly #onChange: (certificates: readonly CertificatePem[]) => void
  #current: readonly CertificatePem[]
  readonly #files: StillFiles
  /** What was read last, good or not: the same in other files is not judged again. */
  #seen: string
  readonly #steps = new ExpirySteps(WARN_DAYS)
  #timers: NodeJS.Timeout[] = []

  /** @throws if a file cannot be read: the config was checked just before */
  constructor(
    pairs: readonly CertificateConfig[],
    log: Logger,
    onChange: (certificates: readonly CertificatePem[]) => void,
  ) {
    this.#pairs = pairs
    this.#log = log
    this.#onChange = onChange
    this.#files = new StillFiles(pairs.flatMap(({ cert, key }) => [cert, key]))
    this.#current = readPairs(pairs)
    this.#seen = digest(this.#current)
  }

  get certificates(): readonly CertificatePem[] {
    return this.#current
  }

  /** Seconds since 1970 at which each file's leaf expires. */
  expiry(): ReadonlyMap<string, number> {
    const now = new Date()
    return new Map(
      this.#pairs.flatMap(({ cert }, i) => {
        const [leaf] = inspectCertificate(this.#current[i]!.cert, undefined, now).chain
        return leaf === undefined ? [] : [[cert, leaf.notAfter.getTime() / 1000] as const]
      }),
    )
  }

  start(): void {
    this.warnOfExpiry(new Date())
    this.#timers = [
      setInterval(() => this.check(new Date()), POLL_MS),
      setInterval(() => this.warnOfExpiry(new Date()), EXPIRY_CHECK_MS),
    ]
    for (const timer of this.#timers) timer.unref()
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.#timers = []
  }

  /** Reads the files; if they changed and fit together, they are used from now on. */
  check(now: Date): void {
    if (!this.#files.haveChanged()) return
    const pairs = tryReadPairs(this.#pairs)
    // A chain that is half written may look whole.
    if (!this.#files.take()) return
    if (typeof pairs === 'string') {
      if (this.#seen !== 'unreadable')
        this.#log.warn({ error: pairs }, 'certificate files cannot be read, keeping the old ones')
      this.#seen = 'unreadable'
      return
    }
    const seen = digest(pairs)
    if (seen === this.#seen) return
    this.#seen = seen
    if (seen === digest(this.#current)) return
    for (const [i, { cert, key }] of pairs.entries()) {
      const { problems } = inspectCertificate(cert, key, now)
      for (const { severity, message } of problems) {
        if (severity === 'warning') this.#log.warn({ certificate: this.#pairs[i]!.cert }, message)
      }
      const error = problems.find(({ severity }) => severity === 'error')
      if (error !== undefined) {
        this.#log.error(
          { certificate: this.#pairs[i]!.cert, error: error.message },
          'new certificate is not usable, keeping the old one',
        )
        return
      }
    }
    this.#current = pairs
    this.#steps.clear()
    this.#onChange(pairs)
    this.#log.info({ certificates: this.#pairs.map(({ cert }) => cert) }, 'certificates replaced')
    this.warnOfExpiry(now)
  }

  /** Speaks up once per step of {@link WARN_DAYS}. */
  warnOfExpiry(now: Date): void {
    for (const [i, { cert }] of this.#pairs.entries()) {
      const [leaf] = inspectCertificate(this.#current[i]!.cert, undefined, now).chain
      if (leaf === undefined) continue
      const days = this.#steps.reached(cert, leaf.notAfter, now)
      if (days === null) continue
      const facts = {
        certificate: cert,
        names: leaf.names,
        expires: leaf.notAfter.toISOString(),
        days_left: days,
      }
      if (days < 0) this.#log.error(facts, 'certificate has expired: clients refuse it')
      else this.#log.warn(facts, 'certificate expires soon')
    }
  }
}

function readPairs(pairs: readonly CertificateConfig[]): CertificatePem[] {
  return pairs.map(({ cert, key }) => ({
    cert: readFileSync(cert, 'utf8'),
    key: readFileSync(key, 'utf8'),
  }))
}

/** @returns why not, if one cannot be read */
function tryReadPairs(pairs: readonly CertificateConfig[]): CertificatePem[] | string {
  try {
    return readPairs(pairs)
  } catch (error) {
    return (error as Error).message
  }
}

function digest(pairs: readonly CertificatePem[]): string {
  const hash = createHash('sha256')
  for (const { cert, key } of pairs) hash.update(cert).update('\0').update(key).update('\0')
  return hash.digest('hex')
}
