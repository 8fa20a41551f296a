/**
 * Bans in a file, so that they outlast a restart: `--ban-state`.
 *
 * Written a moment after something has changed, whole and in one step. What cannot be read is told, and weir starts without it.
 */
import { existsSync, readFileSync, renameSync } from 'node:fs'
import type { Logger } from 'pino'
import * as z from 'zod'
import { writeAtomically } from '../auth/api-key-store.ts'
import { parseCidr } from '../core/cidr-set.ts'
import { seconds } from '../core/clock.ts'
import type { Ban, BanListener, Bans } from './bans.ts'

const SAVE_MS = 1000
/** What could not be saved is tried again: the disk may be full only for a while. */
const AGAIN_MS = 10_000

const stateSchema = z.strictObject({
  version: z.literal(1),
  bans: z.array(
    z.strictObject({
      cidr: z.string().refine(text => parseCidr(text) !== null, 'is no address or block'),
      origin: z.enum(['guard', 'operator']),
      cause: z.string().max(200),
      count: z.int().min(1),
      since: z.iso.datetime(),
      until: z.iso.datetime(),
      isDirect: z.boolean().default(true),
    }),
  ),
})

type State = z.infer<typeof stateSchema>

/** @returns what was kept, as far as it still holds, or what is wrong with the file */
export function readBanState(file: string): readonly Ban[] | string {
  if (!existsSync(file)) return []
  let state: State
  try {
    state = stateSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    if (!(error instanceof z.ZodError)) return (error as Error).message
    const [issue] = error.issues
    return `${issue!.path.join('.')}: ${issue!.message}`
  }
  const now = Date.now()
  return state.bans.map(({ since, until, ...ban }) => {
    const length = Date.parse(until) - Date.parse(since)
    // A clock that was set back must not make it longer than it was.
    const left = Math.min(length, Date.parse(until) - now)
    const ends = seconds() + Math.ceil(left / 1000)
    return { ...ban, since: ends - Math.ceil(length / 1000), until: ends }
  })
}

/**
 * What cannot be used is not written over: somebody may be able to.
 *
 * @returns where it is now; '' if it could not be moved
 */
export function putAside(file: string): string {
  const aside = `${file}.bad`
  try {
    renameSync(file, aside)
    return aside
  } catch {
    return ''
  }
}

export class BanState implements BanListener {
  readonly #file: string
  readonly #bans: Bans
  readonly #log: Logger
  #timer: NodeJS.Timeout | null = null
  #failed = false

  constructor(file: string, bans: Bans, log: Logger) {
    this.#file = file
    this.#bans = bans
    this.#log = log
  }

  added(): void {
    this.#timer ??= setTimeout(() => this.save(), SAVE_MS)
  }

  removed(): void {
    this.added()
  }

  /** Now; if nothing has changed since it was saved, nothing is written. */
  save(): void {
    if (this.#timer === null) return
    clearTimeout(this.#timer)
    this.#timer = null
    const now = seconds()
    const date = (at: number): string => new Date(Date.now() + (at - now) * 1000).toISOString()
    const bans = this.#bans
      .all()
      .map(ban => ({ ...ban, since: date(ban.since), until: date(ban.until) }))
    try {
      writeAtomically(this.#file, `${JSON.stringify({ version: 1, bans }, null, 1)}\n`)
      if (this.#failed) this.#log.info({ file: this.#file }, 'bans are saved again')
      this.#failed = false
    } catch (error) {
      if (!this.#failed) {
        const { message } = error as Error
        this.#log.error({ file: this.#file, error: message }, 'bans could not be saved')
      }
      this.#failed = true
      this.#timer = setTimeout(() => this.save(), AGAIN_MS).unref()
    }
  }
}
