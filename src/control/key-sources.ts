/** All issuers whose tokens count: fetches their keys, and tells of what changed. */
import { performance } from 'node:perf_hooks'
import type { Logger } from 'pino'
import type { JwtConfig } from '../config/token-config.ts'
import type { IssuerKeySet } from '../auth/key-set.ts'
import { KeySource } from './key-source.ts'

/** How long start waits for issuers: one that is down must not keep weir from starting. */
const FIRST_FETCH_MS = 6000

export interface KeyListener {
  /** In the order of the issuers. */
  readonly onKeys: (sets: readonly (IssuerKeySet | null)[]) => void
  readonly onLooked: (issuer: number, askAgainInMs: number) => void
}

export class KeySources {
  readonly #sources: readonly KeySource[]
  readonly #listener: KeyListener
  #started = false

  /**
   * @param ca PEM of the authorities to trust in place of the system's; '' for those
   */
  constructor(jwt: JwtConfig, ca: string, log: Logger, listener: KeyListener) {
    this.#listener = listener
    this.#sources =
      jwt === null ? [] : jwt.issuers.map(each => new KeySource(each, jwt, ca, log, this.#onChange))
  }

  /** In the order of the issuers. */
  get sets(): readonly (IssuerKeySet | null)[] {
    return this.#sources.map(({ current }) => current)
  }

  /** Seconds since the keys of each issuer were last found to be in force. */
  ages(): ReadonlyMap<string, number> {
    const now = performance.now()
    return new Map(
      this.#sources
        .filter(({ freshAtMs }) => freshAtMs !== 0)
        .map(({ issuer, freshAtMs }) => [issuer, (now - freshAtMs) / 1000]),
    )
  }

  /** Resolves when every issuer was asked once, or after a while. */
  async start(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, FIRST_FETCH_MS)
    await Promise.race([Promise.all(this.#sources.map(source => source.start())), promise])
    clearTimeout(timer)
    this.#started = true
  }

  stop(): void {
    for (const source of this.#sources) source.stop()
  }

  /** A worker met a kid that it does not know. */
  look(issuer: number): void {
    const source = this.#sources[issuer]
    if (source === undefined) return
    void source.look().then(ms => this.#listener.onLooked(issuer, ms))
  }

  readonly #onChange = (): void => {
    if (this.#started) this.#listener.onKeys(this.sets)
  }
}
