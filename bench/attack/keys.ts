/** A file with the one key of the clients that behave. */
import { hash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** @returns its path; '' without a key */
export function keysFile(directory: string, apiKey: string): string {
  if (apiKey === '') return ''
  const path = join(directory, 'keys.yaml')
  const created = new Date().toISOString()
  const key = { id: 'polite', name: 'polite', hash: hash('sha256', apiKey), created }
  writeFileSync(path, JSON.stringify({ keys: [key] }), { mode: 0o600 })
  return path
}
