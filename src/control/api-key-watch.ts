/**
 * Watches the file of API keys, hands new sets to the workers, and writes down when keys were used.
 *
 * Polled, as certificates are, but more often: who revokes a key wants it out within a second, and it takes two
 * looks to know that a file is not being written.
 */
import { readFileSync } from 'node:fs'
import type { Logger } from 'pino'
import type { ApiKeySet } from '../auth/api-key.ts'
import { isValid, type KeyRecord, parseKeys, secondsOf, toApiKey } from '../auth/api-key-file.ts'
import { writeAtomically } from '../auth/api-key-store.ts'
import { formatUses, readUses, usesPath } from '../auth/key-uses.ts'
import { KeyUsage } from '../shared/key-usage.ts'
import { StillFiles } from './still-files.ts'

const POLL_MS = 200
const SAVE_MS = 60_000
/** Keys that end within it are shown as such. */
const EXPIRING_SECONDS = 14 * 86_400

export const keyStates = ['valid', 'expiring', 'expired', 'revoked'] as const

export class ApiKeyWatch {
  readonly #file: string
  readonly #usesFile: string
  readonly #log: Logger
  readonly #onChange: (keys: ApiKeySet) => void
  #keys: readonly KeyRecord[]
  #usage: KeyUsage
  /** Each state of the file is judged once, good or not. */
  readonly #files: StillFiles
  /** By id, in ISO 8601: of all keys that there are. */
  #uses: Map<string, string>
  #saveFailed = false
  #timers: NodeJS.Timeout[] = []

  /** @throws if the file cannot be used: the config was checked just before */
  constructor(
    { apiKeys, apiKeyUsage }: { readonly apiKeys: string; readonly apiKeyUsage: string },
    log: Logger,
    onChange: (keys: ApiKeySet) => void,
  ) {
    this.#file = apiKeys
    this.#usesFile = apiKeyUsage === '' ? usesPath(apiKeys) : apiKeyUsage
    this.#log = log
    this.#onChange = onChange
    this.#files = new StillFiles([apiKeys])
    this.#keys = readKeys(apiKeys)
    this.#usage = KeyUsage.forKeys(this.#keys.length)
    this.#uses = new Map(readUses(this.#usesFile))
  }

  /** What workers begin with. */
  get set(): ApiKeySet {
    return { keys: this.#keys.map(toApiKey), usage: this.#usage.memory }
  }

  start(): void {
    this.#timers = [
      setInterval(() => this.check(), POLL_MS),
      setInterval(() => this.save(), SAVE_MS),
    ]
    for (const timer of this.#timers) timer.unref()
  }

  stop(): void {
    if (this.#timers.length > 0) this.save()
    for (const timer of this.#timers) clearInterval(timer)
    this.#timers = []
  }

  /** Keys by their state. */
  states(nowSeconds: number): Readonly<Record<(typeof keyStates)[number], number>> {
    const states = { valid: 0, expiring: 0, expired: 0, revoked: 0 }
    for (const key of this.#keys) {
      const left = secondsOf(key.expires) - nowSeconds
      if (secondsOf(key.revoked) <= nowSeconds) states.revoked++
      else if (!isValid(key, nowSeconds)) states.expired++
      else if (left < EXPIRING_SECONDS) states.expiring++
      else states.valid++
    }
    return states
  }

  /** Reads the file if it changed; what can be used is used from now on. */
  check(): void {
    if (!this.#files.haveChanged()) return
    const keys = tryReadKeys(this.#file)
    if (!this.#files.take()) return
    if (typeof keys === 'string') {
      this.#log.error(
        { file: this.#file, error: keys },
        'API keys cannot be read, keeping the old ones',
      )
      return
    }
    this.#noteUses()
    this.#keys = keys
    // A use that a worker notes in the old memory before it hears of the new one is lost.
    this.#usage = KeyUsage.forKeys(keys.length)
    this.#onChange(this.set)
    this.#log.info({ file: this.#file, keys: keys.length }, 'API keys replaced')
  }

  /** Writes down when keys were used, if any was. */
  save(): void {
    if (!this.#noteUses()) return
    try {
      writeAtomically(this.#usesFile, formatUses(this.#uses))
      this.#saveFailed = false
    } catch (error) {
      if (!this.#saveFailed) {
        this.#log.warn(
          { file: this.#usesFile, error: (error as Error).message },
          'the last use of API keys cannot be written down; see --api-key-usage',
        )
      }
      this.#saveFailed = true
    }
  }

  /** Takes over what the workers noted. @returns whether there is anything new to write */
  #noteUses(): boolean {
    const uses = new Map<string, string>()
    let changed = false
    for (const [place, { id }] of this.#keys.entries()) {
      const seconds = this.#usage.last(place)
      const before = this.#uses.get(id)
      const used = seconds === 0 ? before : new Date(seconds * 1000).toISOString()
      if (used === undefined) continue
      uses.set(id, used)
      changed ||= used !== before
    }
    this.#uses = uses
    return changed
  }
}

/** @throws saying what is wrong */
function readKeys(file: string): readonly KeyRecord[] {
  const keys = tryReadKeys(file)
  if (typeof keys === 'string') throw new Error(keys)
  return keys
}

/** @returns what is wrong if it cannot be used */
function tryReadKeys(file: string): readonly KeyRecord[] | string {
  try {
    const read = parseKeys(readFileSync(file, 'utf8'))
    return 'error' in read ? read.error : read.keys
  } catch (error) {
    return (error as Error).message
  }
}
