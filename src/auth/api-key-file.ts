/**
 * The file of API keys: YAML (so JSON too), hashes only. Read by main and `weir keys`, written by `weir keys`.
 */
import { isMap, parseDocument, stringify } from 'yaml'
import { z } from 'zod'
import type { ApiKey } from './api-key.ts'

/** A key as it stands in the file; times are ISO 8601. */
const record = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'is no id: 1 to 64 letters, digits, - or _'),
  name: z.string().regex(/^[\x21-\x7e]{1,128}$/, 'is no name: 1 to 128 visible ASCII characters'),
  hash: z.string().regex(/^[0-9a-f]{64}$/, 'is no SHA-256: 64 hexadecimal digits in lower case'),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, 'is no scope (RFC 6749 §3.3)'))
    .default([]),
  rate: z.number().min(0.01).max(65_536).optional(),
  burst: z.int().min(1).max(100_000).optional(),
  concurrency: z.int().min(1).max(1_000_000).optional(),
  created: z.iso.datetime(),
  expires: z.iso.datetime().optional(),
  revoked: z.iso.datetime().optional(),
  imported: z.boolean().default(false),
})

const file = z.strictObject({ keys: z.array(record).default([]) })

export type KeyRecord = z.infer<typeof record>

export type KeysRead = { readonly keys: readonly KeyRecord[] } | { readonly error: string }

/** @returns the keys, or what is wrong with the text, as the rest of a sentence about the file */
export function parseKeys(text: string): KeysRead {
  const document = parseDocument(text, { uniqueKeys: true })
  const [broken] = document.errors
  if (broken !== undefined) return { error: `is no YAML: ${broken.message.split('\n')[0]}` }
  if (document.contents !== null && !isMap(document.contents)) {
    return { error: 'holds no list of keys; weir keys create makes one' }
  }
  let content: unknown
  try {
    content = document.toJS({ maxAliasCount: 0 })
  } catch (error) {
    return { error: `has aliases: ${(error as Error).message}` }
  }
  const read = file.safeParse(content ?? {})
  if (!read.success) {
    const { path, message } = read.error.issues[0]!
    return { error: path.length === 0 ? message : `${path.join('.')}: ${message}` }
  }
  const { keys } = read.data
  for (const field of ['id', 'hash'] as const) {
    const seen = new Set<string>()
    for (const key of keys) {
      if (seen.has(key[field])) return { error: `has two keys of the same ${field}, ${key[field]}` }
      seen.add(key[field])
    }
  }
  return { keys }
}

export function formatKeys(keys: readonly KeyRecord[]): string {
  return (
    '# API keys of weir: their hashes. Written by weir keys; weir takes up changes within a second.\n' +
    stringify({ keys: keys.map(compact) }, { lineWidth: 0, aliasDuplicateObjects: false })
  )
}

/** Without what says nothing. */
function compact(key: KeyRecord): object {
  return Object.fromEntries(
    Object.entries(key).filter(([, value]) => value !== undefined && value !== false),
  )
}

/** What workers need of a key. */
export function toApiKey(key: KeyRecord): ApiKey {
  const { id, name, hash, scopes, rate, burst, concurrency, imported } = key
  const limited = rate !== undefined || concurrency !== undefined
  return {
    id,
    name,
    hash,
    scopes,
    limits: limited
      ? { rate: rate ?? 0, burst: burst ?? defaultBurst(rate ?? 0), concurrency: concurrency ?? 0 }
      : null,
    expiresAt: secondsOf(key.expires),
    revokedAt: secondsOf(key.revoked),
    imported,
  }
}

/** Two seconds' worth. */
function defaultBurst(rate: number): number {
  return Math.max(1, Math.ceil(rate * 2))
}

/** Seconds since 1970; Infinity for never. */
export function secondsOf(time: string | undefined): number {
  return time === undefined ? Infinity : Date.parse(time) / 1000
}

/** Whether a request with it would be let in. */
export function isValid(key: KeyRecord, nowSeconds: number): boolean {
  return secondsOf(key.revoked) > nowSeconds && secondsOf(key.expires) > nowSeconds
}
