/** Flags, environment and file → a valid `Config`, or every problem there is, all at once. */
import { checkCertificates } from './certificates.ts'
import type { Config } from './config.ts'
import { loadErrorPages } from './error-pages.ts'
import { type LoadedFile, readConfigFile } from './file.ts'
import type { Problem } from './flag.ts'
import { resolveConfig } from './resolve.ts'
import { checkStickySecret } from './sticky-secret.ts'
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
  const sources: Source[] = [{ values: flags, where: name => `--${name}` }, environmentSource(env)]
  const path = flags['config'] ?? env['WEIR_CONFIG']
  let file: LoadedFile | null = null
  if (typeof path === 'string' && path !== '') {
    const read = readConfigFile(path)
    if ('problems' in read) problems.push(...read.problems)
    else {
      file = read
      sources.push({ values: read.content, where: name => read.where([name]) })
    }
  }
  const settings = readSettings(sources, problems)
  const given = new Set(sources.slice(0, 2).flatMap(({ values }) => Object.keys(values)))
  const config = resolveConfig({ settings, file, given, problems })
  loadErrorPages(config.http.errorPages, problems)
  const warnings = [
    ...checkCertificates(config, problems, now),
    ...checkStickySecret(config, problems),
  ]
  return problems.length > 0 ? { problems } : { config, warnings }
}
