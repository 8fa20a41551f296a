/** `weir keys create | list | revoke | rotate | import`: what they do, apart from how they are called (cli-keys.ts). */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { FOREIGN_KEY_MAX } from './api-key.ts'
import { isValid, type KeyRecord, secondsOf } from './api-key-file.ts'
import { DAMAGED, formOf, hashKey, makeKey, WHOLE } from './api-key-form.ts'
import { changeKeys, readKeys, StoreError } from './api-key-store.ts'
import { readUses } from './key-uses.ts'

/** Where a command speaks: what it was asked for, apart from what it has to say about it. */
export interface Output {
  readonly print: (line: string) => void
  readonly note: (line: string) => void
}

/** What a key may do and for how long. */
export interface KeyTerms {
  readonly scopes: readonly string[]
  readonly rate?: number | undefined
  readonly burst?: number | undefined
  readonly concurrency?: number | undefined
  /** Milliseconds from now on; 0 for ever. */
  readonly expiresMs: number
}

/** Keys of one name that are valid at the same time: the new one and the one it takes the place of. */
const VALID_PER_NAME = 2
/** Shortest key from elsewhere: what is stored of it must not be worth guessing at. */
const FOREIGN_KEY_MIN = 20
const BAD_INPUT = 2

/** Makes a key and prints it, once. @returns the exit code */
export async function createCommand(
  file: string,
  name: string,
  terms: KeyTerms,
  output: Output,
  now = new Date(),
): Promise<number> {
  const secret = makeKey()
  const key = { ...terms, hash: hashKey(secret), imported: false }
  return await change(file, output, keys => ({ ...add(keys, name, key, now), secret }))
}

/**
 * Takes in a key that was made elsewhere.
 *
 * @param secret the key itself, or its SHA-256 in hexadecimal with `isHash`
 */
export async function importCommand(
  file: string,
  name: string,
  secret: { readonly text: string; readonly isHash: boolean },
  terms: KeyTerms,
  output: Output,
  now = new Date(),
): Promise<number> {
  const { text, isHash } = secret
  const problem = isHash ? hashProblem(text) : keyProblem(text)
  if (problem !== '') {
    output.note(problem)
    return BAD_INPUT
  }
  const imported = isHash || formOf(text) !== WHOLE
  const key = { ...terms, hash: isHash ? text.toLowerCase() : hashKey(text), imported }
  return await change(file, output, keys => add(keys, name, key, now))
}

function hashProblem(text: string): string {
  return /^[0-9a-f]{64}$/i.test(text) ? '' : 'that is no SHA-256: write its 64 hexadecimal digits'
}

function keyProblem(text: string): string {
  if (!/^[\x21-\x7e]+$/.test(text) || text.length > FOREIGN_KEY_MAX) {
    return `the key is empty, or has over ${FOREIGN_KEY_MAX} characters, or some that no header can hold`
  }
  if (text.length < FOREIGN_KEY_MIN) {
    return `the key has ${text.length} characters, at least ${FOREIGN_KEY_MIN} are needed: a shorter one could be guessed`
  }
  if (formOf(text) !== DAMAGED) return ''
  return 'the key looks like one of weir, and its checksum is wrong: it was mistyped or cut'
}

/** Ends keys at once, by id or all of a name. */
export async function revokeCommand(
  file: string,
  which: string,
  output: Output,
  now = new Date(),
): Promise<number> {
  return await change(file, output, keys => {
    const meant = keys.filter(key => key.id === which || key.name === which)
    if (meant.length === 0) throw new StoreError(`${file} has no key of the id or name ${which}`)
    const left = meant.filter(key => key.revoked === undefined)
    const notes = left.map(({ id, name }) => `revoked ${id} of ${name}`)
    return {
      keys: keys.map(key => (left.includes(key) ? { ...key, revoked: iso(now) } : key)),
      notes: left.length === 0 ? [`${which} was revoked already`] : notes,
    }
  })
}

/**
 * Makes a further key of a name, on the terms of its newest; that one goes on for `overlapMs`, older ones end now.
 */
export async function rotateCommand(
  file: string,
  name: string,
  { overlapMs, expiresMs }: { readonly overlapMs: number; readonly expiresMs: number },
  output: Output,
  now = new Date(),
): Promise<number> {
  const secret = makeKey()
  return await change(file, output, keys => {
    const valid = keys.filter(each => each.name === name && isValid(each, now.getTime() / 1000))
    const newest = valid.toSorted(byAge).at(-1)
    if (newest === undefined) {
      throw new StoreError(`${file} has no valid key of the name ${name}; use weir keys create`)
    }
    const endMs = Math.min(now.getTime() + overlapMs, secondsOf(newest.expires) * 1000)
    const expires = iso(new Date(endMs))
    // On the terms of the last one, the time it was made for among them.
    const lifetimeMs =
      newest.expires === undefined ? 0 : Date.parse(newest.expires) - Date.parse(newest.created)
    const made = recordOf(
      name,
      {
        ...newest,
        expiresMs: expiresMs === 0 ? lifetimeMs : expiresMs,
        hash: hashKey(secret),
        imported: false,
      },
      now,
    )
    const others = keys.map(each => {
      if (each === newest) return { ...each, expires }
      return valid.includes(each) ? { ...each, revoked: iso(now) } : each
    })
    const notes = [`id ${made.id}; ${newest.id} is valid until ${expires}`]
    return { keys: [...others, made], notes, secret }
  })
}

/** What there is: never a key. @returns 0, or 2 if it cannot be read */
export function listCommand(
  file: string,
  usesFile: string,
  json: boolean,
  output: Output,
  now = new Date(),
): number {
  if (!existsSync(file)) {
    output.note(`${file} is not there; weir keys create makes it, or say where it is with --file`)
    return BAD_INPUT
  }
  let keys: readonly KeyRecord[]
  try {
    keys = readKeys(file)
  } catch (error) {
    return explain(error, output)
  }
  const { print } = output
  const uses = readUses(usesFile)
  const rows = keys.map(key => ({
    id: key.id,
    name: key.name,
    state: stateOf(key, now),
    scopes: key.scopes,
    limits: limitsOf(key),
    created: key.created,
    expires: key.expires ?? null,
    lastUsed: uses.get(key.id) ?? null,
  }))
  if (json) {
    print(JSON.stringify(rows, null, 2))
    return 0
  }
  const table = rows.map(row => [
    row.id,
    row.name,
    row.state,
    row.scopes.join(' ') || '-',
    row.limits || '-',
    day(row.created),
    row.expires === null ? 'never' : day(row.expires),
    row.lastUsed === null ? '-' : row.lastUsed.slice(0, 16).replace('T', ' '),
  ])
  const head = ['id', 'name', 'state', 'scopes', 'limits', 'created', 'expires', 'last used']
  const widths = head.map((_, i) => Math.max(...[head, ...table].map(cells => cells[i]!.length)))
  for (const cells of [head, ...table]) {
    print(
      cells
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
  }
  return 0
}

interface NewKey extends KeyTerms {
  readonly hash: string
  readonly imported: boolean
}

/** What a command makes of the keys there are. */
interface Change {
  readonly keys: readonly KeyRecord[]
  readonly notes: readonly string[]
  /** Told once it is certain that the key is stored. */
  readonly secret?: string
}

/** @throws StoreError */
function add(keys: readonly KeyRecord[], name: string, key: NewKey, now: Date): Change {
  const valid = keys.filter(each => each.name === name && isValid(each, now.getTime() / 1000))
  if (valid.length >= VALID_PER_NAME) {
    throw new StoreError(
      `${name} has ${valid.length} valid keys, more there cannot be; revoke one, or rotate`,
    )
  }
  const twin = keys.find(({ hash }) => hash === key.hash)
  if (twin !== undefined) {
    throw new StoreError(`that key is there already: ${twin.id} of ${twin.name}`)
  }
  const made = recordOf(name, key, now)
  const notes = [`id ${made.id}; only a hash of the key is stored, it cannot be shown again`]
  return { keys: [...keys, made], notes }
}

function recordOf(name: string, key: NewKey, now: Date): KeyRecord {
  const { scopes, rate, burst, concurrency, expiresMs, hash, imported } = key
  return {
    id: `k${randomBytes(6).toString('hex')}`,
    name,
    hash,
    scopes: [...scopes],
    rate,
    burst,
    concurrency,
    created: iso(now),
    expires: expiresMs === 0 ? undefined : iso(new Date(now.getTime() + expiresMs)),
    imported,
  }
}

/** @returns the exit code */
async function change(
  file: string,
  output: Output,
  decide: (keys: readonly KeyRecord[]) => Change,
): Promise<number> {
  try {
    const { notes, secret } = await changeKeys(file, decide)
    if (secret !== undefined) output.print(secret)
    for (const note of notes) output.note(note)
    return 0
  } catch (error) {
    return explain(error, output)
  }
}

function explain(error: unknown, { note }: Output): number {
  if (!(error instanceof StoreError)) throw error
  note(error.message)
  return BAD_INPUT
}

function stateOf(key: KeyRecord, now: Date): string {
  if (secondsOf(key.revoked) * 1000 <= now.getTime()) return 'revoked'
  return secondsOf(key.expires) * 1000 <= now.getTime() ? 'expired' : 'valid'
}

function limitsOf({ rate, burst, concurrency }: KeyRecord): string {
  const parts = [
    rate === undefined ? '' : `${rate}/s${burst === undefined ? '' : ` burst ${burst}`}`,
    concurrency === undefined ? '' : `${concurrency} at once`,
  ]
  return parts.filter(Boolean).join(', ')
}

function byAge(a: KeyRecord, b: KeyRecord): number {
  return Date.parse(a.created) - Date.parse(b.created)
}

/** Whole seconds. */
function iso(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z')
}

function day(time: string): string {
  return time.slice(0, 10)
}
