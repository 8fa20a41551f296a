/**
 * When keys were used last, as main writes it down beside the file of keys: id → ISO 8601, in JSON. It is a file of
 * its own, so that only `weir keys` changes the keys themselves.
 */
import { readFileSync } from 'node:fs'

export type KeyUses = ReadonlyMap<string, string>

/** Where they are written unless said otherwise. */
export function usesPath(keysPath: string): string {
  return `${keysPath}.used`
}

/** What cannot be read counts for nothing: it is only for looking at. */
export function readUses(path: string): KeyUses {
  try {
    const read: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof read !== 'object' || read === null) return new Map()
    return new Map(
      Object.entries(read).filter(
        (entry): entry is [string, string] =>
          typeof entry[1] === 'string' && !Number.isNaN(Date.parse(entry[1])),
      ),
    )
  } catch {
    return new Map()
  }
}

export function formatUses(uses: KeyUses): string {
  return `${JSON.stringify(Object.fromEntries(uses), null, 1)}\n`
}
