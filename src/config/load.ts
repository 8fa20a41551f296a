/** Flags, environment and file → a valid `Config`, or every problem there is, all at once. */
import { checkApiKeys } from './api-keys.ts'
import { loadAuthorities } from './authorities.ts'
import { checkCertificates } from './certificates.ts'
import { loadClientAuthorities } from './client-authorities.ts'
import type { Config } from './config.ts'
import { loadErrorPages } from './error-pages.ts'
import { type LoadedFile, readConfigFile } from './file.ts'
import type { Problem } from './flag.ts'
import { resolveConfig } from './resolve.ts'
import { checkStickySecret } from './sticky-secret.ts'
import { checkTokens } from './tokens.ts'
import { environmentSource, readSettings, type Source, unknownVariables } from './settings.ts'

export interface ConfigSources {
  /** Flags as the command line gave them, by name. */
  readonly flags: Readonly<Record<string, unknown>>
  readonly env: Readonly<Record<string, string | undefined>>
}

export type LoadResult =
  | { readonly config: Config; readonly warnings: readonly string[] }
  | { readonly problems: readonly Problem[] }

export function loadConfig({ flags, env }: ConfigSources, now = new Date()): LoadResult {
  const problems = unknownVariables(env)
  const known = problems.length
  const sources: Source[] = [{ values: flags, where: name => `--${name}` }, environmentSource(env)]
  const file = openFile(flags['config'] ?? (env['WEIR_CONFIG'] || undefined), problems)
  // From here on what is missing may stand in the part of the file that could not be read.
  const isWhole = problems.length === known
  if (file !== null) sources.push({ values: file.content, where: name => file.where([name]) })
  const settings = readSettings(sources, problems)
  const given = new Set(sources.slice(0, 2).flatMap(({ values }) => Object.keys(values)))
  const config = resolveConfig({ settings, file, given, problems })
  loadErrorPages(config.http.errorPages, problems)
  loadAuthorities(config.pools, problems)
  loadClientAuthorities(config.listeners, problems)
  const warnings = [
    ...checkCertificates(config, problems, now),
    ...checkStickySecret(config, problems),
    ...checkApiKeys(config, problems, now),
    ...checkTokens(config, problems),
  ]
  if (problems.length === 0) return { config, warnings }
  return { problems: isWhole ? problems : problems.filter(({ absent }) => absent !== true) }
}

/** @returns the file, or what of it can be read; null for none. What is wrong is added to `problems` */
function openFile(path: unknown, problems: Problem[]): LoadedFile | null {
  // Given several times it is told of with the other settings.
  if (typeof path !== 'string') return null
  if (path === '') {
    problems.push({ where: '--config', message: 'names no file; write one, or leave it out' })
    return null
  }
  const read = readConfigFile(path)
  if (!('problems' in read)) return read
  problems.push(...read.problems)
  return read.rest ?? null
}
