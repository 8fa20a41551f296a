/**
 * The keys of one issuer, as main gets hold of them: a file, an URL, or what its discovery document names.
 *
 * Fetched again well before they are old, and when a worker meets a kid it does not know, then at most once
 * per cool-down. What was good last is kept while the issuer is down, for so long and no longer.
 */
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { IssuerConfig, JwtConfig } from '../config/token-config.ts'
import type { IssuerKeySet } from '../auth/key-set.ts'
import { checkKeySet, readKeyFile } from '../config/key-file.ts'
import { fetchKeySet } from './key-fetch.ts'

/** Files are looked at this often: a new set is everywhere within a second. */
const FILE_POLL_MS = 400
/** One that changed is read again after so long, until it says the same twice: it may be being written. */
const STILL_MS = 100
/** Then it is taken as it is: half of a set is no JSON. */
const STILL_READS = 5
/**
 * After a look that found something: made-up kids change nothing at the issuer, so that this is none of theirs. And after
 * the next one, which may have been for a worker that had not heard of it yet.
 */
const CHANGED_COOL_DOWN_MS = 300
/** A cool-down that is over so soon is sat out: who asks may have met a key that is newer than the last look. */
const PAUSE_MAX_MS = 500
const RETRY_MIN_MS = 1000
const RETRY_MAX_MS = 30_000

export class KeySource {
  readonly issuer: string
  /** What is in force; null before there is any, and once the last good one is too old. */
  current: IssuerKeySet | null = null
  /** On the clock of performance.now(); 0 for never. */
  freshAtMs = 0
  readonly #config: IssuerConfig
  readonly #jwt: JwtConfig
  readonly #ca: string
  readonly #log: Logger
  readonly #onChange: () => void
  #failures = 0
  /** Since when nothing could be had. */
  #failingSinceMs = 0
  #lookAgainMs = 0
  /** Nobody has looked since it changed. */
  #isNew = false
  /** What was told of already: it need not be told again at each fetch. */
  #skipped = ''
  #fetching: Promise<void> | null = null
  #looking: Promise<number> | null = null
  #timer: NodeJS.Timeout | null = null
  #running = true

  constructor(config: IssuerConfig, jwt: JwtConfig, ca: string, log: Logger, onChange: () => void) {
    this.#ca = ca
    this.issuer = config.issuer
    this.#config = config
    this.#jwt = jwt
    this.#log = log.child({ issuer: config.issuer })
    this.#onChange = onChange
  }

  /** Fetches, and again in time from then on. */
  async start(): Promise<void> {
    await this.#fetch()
  }

  stop(): void {
    this.#running = false
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  /**
   * A worker met a kid that it does not know.
   *
   * @returns how long looking again would be of no use, ms; once it was done if it is
   */
  async look(): Promise<number> {
    const leftMs = this.#lookAgainMs - performance.now()
    if (this.#looking === null && leftMs > PAUSE_MAX_MS) return leftMs
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null
    })
    return await this.#looking
  }

  async #look(): Promise<number> {
    const leftMs = this.#lookAgainMs - performance.now()
    if (leftMs > 0) await pause(leftMs, undefined, { ref: false })
    // One that is under way may have been answered before the key was there.
    await this.#fetching
    const before = this.current
    const wasNew = this.#isNew
    this.#isNew = false
    await this.#fetch()
    const isSame = this.current === before && !wasNew
    const foundMs = isSame ? this.#coolDownMs : CHANGED_COOL_DOWN_MS
    this.#lookAgainMs = performance.now() + foundMs
    return foundMs
  }

  get #coolDownMs(): number {
    return this.#isFile ? FILE_POLL_MS : this.#jwt.coolDownMs
  }

  get #isFile(): boolean {
    return this.#config.keys.kind === 'file'
  }

  #fetch(): Promise<void> {
    this.#fetching ??= this.#fetchNow().finally(() => {
      this.#fetching = null
      this.#again()
    })
    return this.#fetching
  }

  async #fetchNow(): Promise<void> {
    const { keys } = this.#config
    const found =
      keys.kind === 'file'
        ? await this.#readFile(keys.path, keys.isNamed)
        : await fetchKeySet(this.#config, this.#ca, this.#jwt.algorithms)
    if (!this.#running) return
    if (typeof found === 'string') return this.#failed(found)
    if (this.#failures > 0) this.#log.info('keys of the issuer are there again')
    this.#failures = 0
    this.freshAtMs = performance.now()
    this.#tellSkipped(found)
    if (found.text === this.current?.text) return
    if (this.current !== null) this.#log.info('keys of the issuer changed')
    this.#isNew = this.current !== null
    this.current = found
    this.#onChange()
  }

  async #readFile(path: string, isNamed: boolean): Promise<IssuerKeySet | string> {
    const { algorithms } = this.#jwt
    let found = readKeyFile(path, isNamed, algorithms)
    // At start there is nothing to keep meanwhile.
    for (let i = 0; this.current !== null && i < STILL_READS; i++) {
      if (sayingOf(found) === this.current.text) break
      await pause(STILL_MS)
      const before = sayingOf(found)
      found = readKeyFile(path, isNamed, algorithms)
      if (sayingOf(found) === before) break
    }
    return found
  }

  #failed(message: string): void {
    const nowMs = performance.now()
    const source = sourceName(this.#config)
    if (this.#failures++ === 0) {
      this.#failingSinceMs = nowMs
      const keeping = this.current === null ? 'none' : 'the last good ones'
      this.#log.warn({ source, error: message, keeping }, 'keys of the issuer cannot be had')
    }
    // Not since they were fresh: that may be a whole refresh ago when the first attempt fails.
    if (this.current === null || nowMs - this.#failingSinceMs < this.#jwt.keepMs) return
    this.#log.error(
      { source, age_ms: Math.round(nowMs - this.freshAtMs) },
      'keys of the issuer are too old, dropped',
    )
    this.current = null
    this.#onChange()
  }

  #tellSkipped(found: IssuerKeySet): void {
    const skipped = checkKeySet(found, this.#jwt.algorithms)
    if (typeof skipped === 'string') return
    const told = JSON.stringify(skipped)
    if (told === this.#skipped) return
    this.#skipped = told
    for (const { key, reason } of skipped) this.#log.warn({ key, reason }, 'key left out')
  }

  #again(): void {
    if (!this.#running) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#fetch(), this.#nextMs())
    this.#timer.unref()
  }

  #nextMs(): number {
    if (this.#isFile) return FILE_POLL_MS
    if (this.#failures === 0) {
      // Spread: hosts that were started together do not ask together for ever.
      return this.#jwt.refreshMs * (0.9 + Math.random() * 0.1)
    }
    return Math.min(RETRY_MIN_MS * 2 ** Math.min(this.#failures - 1, 10), RETRY_MAX_MS)
  }
}

function sayingOf(found: IssuerKeySet | string): string {
  return typeof found === 'string' ? found : found.text
}

function sourceName({ issuer, keys }: IssuerConfig): string {
  if (keys.kind === 'file') return keys.path
  return keys.kind === 'url' ? keys.url : issuer
}
