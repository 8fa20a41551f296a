/**
 * Backend names → addresses, at start and again when their time to live is over.
 *
 * The system's resolver answers (hosts file, search domains and all); DNS is asked once more for the
 * time to live, which the system does not tell. A backend keeps its address while that is among the
 * answers, and the last good one while there are none: DNS that fails must not stop traffic.
 */
import { lookup } from 'node:dns/promises'
import { Resolver as DnsResolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { Logger } from 'pino'

const DEADLINE_MS = 5000
const TTL_MIN_MS = 5000
const TTL_MAX_MS = 3_600_000
/** Where DNS does not tell one: hosts file, or a name server that is not asked directly. */
const TTL_DEFAULT_MS = 30_000
const RETRY_MIN_MS = 1000
const RETRY_MAX_MS = 60_000
/** Answers looked at; a name with thousands of records is somebody's mistake. */
const ANSWERS_MAX = 64

export interface Lookup {
  /** Addresses of a name, best first. */
  readonly addresses: (host: string) => Promise<readonly string[]>
  /** Time to live of the record that holds `address`, ms; null if DNS does not know. */
  readonly ttlMs: (host: string, address: string) => Promise<number | null>
}

interface Entry {
  readonly host: string
  address: string | null
  failures: number
  timer: NodeJS.Timeout | null
}

export interface HostProblem {
  readonly backend: number
  readonly host: string
  readonly message: string
}

export class Resolver {
  readonly #entries: Entry[]
  readonly #lookup: Lookup
  readonly #onChange: (backend: number, address: string) => void
  readonly #log: Logger
  #running = true

  /** @param hosts of all backends, in their order */
  constructor(
    hosts: readonly string[],
    log: Logger,
    onChange: (backend: number, address: string) => void,
    lookup: Lookup = systemLookup,
  ) {
    this.#entries = hosts.map(host => ({
      host,
      address: isIP(host) === 0 ? null : host,
      failures: 0,
      timer: null,
    }))
    this.#log = log
    this.#onChange = onChange
    this.#lookup = lookup
  }

  /** Looks every name up once. @returns the ones that have no address */
  async resolveAll(): Promise<readonly HostProblem[]> {
    const problems = await Promise.all(this.#entries.map((_, backend) => this.#resolve(backend)))
    return problems.filter(problem => problem !== null)
  }

  address(backend: number): string | null {
    return this.#entries[backend]!.address
  }

  addresses(): readonly (string | null)[] {
    return this.#entries.map(({ address }) => address)
  }

  stop(): void {
    this.#running = false
    for (const { timer } of this.#entries) if (timer !== null) clearTimeout(timer)
  }

  async #resolve(backend: number): Promise<HostProblem | null> {
    const entry = this.#entries[backend]!
    const { host } = entry
    if (isIP(host) !== 0) return null
    try {
      const answers = (await withDeadline(this.#lookup.addresses(host))).slice(0, ANSWERS_MAX)
      const address = keepOrFirst(entry.address, answers)
      if (address === null) throw new Error('has no address')
      const ttlMs = await withDeadline(this.#lookup.ttlMs(host, address)).catch(() => null)
      if (entry.failures > 0) this.#log.info({ host, address }, 'name resolves again')
      entry.failures = 0
      if (address !== entry.address) {
        if (entry.address !== null)
          this.#log.info({ host, from: entry.address, to: address }, 'address changed')
        entry.address = address
        this.#onChange(backend, address)
      }
      this.#again(backend, refreshMs(ttlMs))
      return null
    } catch (error) {
      const message = (error as Error).message
      if (entry.failures++ === 0)
        this.#log.warn({ host, error: message, keeping: entry.address }, 'name does not resolve')
      this.#again(
        backend,
        Math.min(RETRY_MIN_MS * 2 ** Math.min(entry.failures - 1, 10), RETRY_MAX_MS),
      )
      return {
        backend,
        host,
        message: `${host} does not resolve (${message}); check the name, or write its IP address`,
      }
    }
  }

  #again(backend: number, afterMs: number): void {
    if (!this.#running) return
    const entry = this.#entries[backend]!
    if (entry.timer !== null) clearTimeout(entry.timer)
    // Spread: names that were resolved together are not asked for together for ever.
    entry.timer = setTimeout(
      () => void this.#resolve(backend),
      afterMs * (0.9 + Math.random() * 0.2),
    )
    entry.timer.unref()
  }
}

/** The address in use if it is still an answer, else the first answer. */
export function keepOrFirst(current: string | null, answers: readonly string[]): string | null {
  return current !== null && answers.includes(current) ? current : (answers[0] ?? null)
}

/** When to ask again, ms. */
export function refreshMs(ttlMs: number | null): number {
  return Math.min(Math.max(ttlMs ?? TTL_DEFAULT_MS, TTL_MIN_MS), TTL_MAX_MS)
}

const dns = new DnsResolver({ timeout: 1000, tries: 2 })

const systemLookup: Lookup = {
  async addresses(host) {
    return (await lookup(host, { all: true, order: 'verbatim' })).map(({ address }) => address)
  },
  async ttlMs(host, address) {
    const records =
      isIP(address) === 6
        ? await dns.resolve6(host, { ttl: true })
        : await dns.resolve4(host, { ttl: true })
    const record = records.find(each => each.address === address)
    return record === undefined ? null : record.ttl * 1000
  },
}

function withDeadline<T>(work: Promise<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const timer = setTimeout(
    () => reject(new Error(`no answer within ${DEADLINE_MS} ms`)),
    DEADLINE_MS,
  )
  work.then(resolve, reject).finally(() => clearTimeout(timer))
  return promise
}
