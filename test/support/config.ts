/** Configs for tests: of flags, and of a file written for the occasion. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Config } from '../../src/config/config.ts'
import { loadConfig, type LoadResult } from '../../src/config/load.ts'

type Flags = Readonly<Record<string, unknown>>

/** @param file its text; '' for none */
export function load(t: Test, flags: Flags, file = ''): LoadResult {
  if (file === '') return loadConfig({ flags, env: {} })
  const path = join(t.testdir(), 'weir.yaml')
  writeFileSync(path, file)
  return loadConfig({ flags: { ...flags, config: path }, env: {} })
}

/** @throws its problems if it has any */
export function good(t: Test, flags: Flags, file = ''): Config {
  const loaded = load(t, flags, file)
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems))
  return loaded.config
}

/** Its problems as `place: message`. */
export function bad(t: Test, flags: Flags, file = ''): string[] {
  const loaded = load(t, flags, file)
  return 'problems' in loaded ? loaded.problems.map(each => `${each.where}: ${each.message}`) : []
}

/** One listener and one backend of TCP. */
export const ONE = { listen: ['tcp://127.0.0.1:1'], backend: ['tcp://127.0.0.1:2'] }
