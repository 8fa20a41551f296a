/**
 * Brings flags, environment and file together, one setting at a time: flags win over environment
 * over file over default. Where a value cannot be read, its place is told and the default stands in,
 * so that the rest can be checked as well.
 */
import type { Flag, Problem, Scope } from './flag.ts'
import { environmentName, type FlagName, flagNames, flags, type Settings } from './flags.ts'
import { didYouMean } from './nearest.ts'
import { readValue } from './values.ts'

/** One layer of settings, as written. */
export interface Source {
  readonly values: Readonly<Record<string, unknown>>
  /** How to call the place of a setting in a message. */
  readonly where: (name: string) => string
}

/** Variables that belong to the unit file and not to weir. */
const FOREIGN = ['WEIR_OPTIONS']

export function environmentSource(env: Readonly<Record<string, string | undefined>>): Source {
  const values: Record<string, unknown> = {}
  for (const name of flagNames) {
    const value = env[environmentName(name)]
    if (value !== undefined && value !== '') values[name] = value
  }
  return { values, where: name => environmentName(name as FlagName) }
}

/** Variables that look like settings and are none. */
export function unknownVariables(env: Readonly<Record<string, string | undefined>>): Problem[] {
  const known = flagNames.map(environmentName)
  return Object.keys(env)
    .filter(name => name.startsWith('WEIR_') && !known.includes(name) && !FOREIGN.includes(name))
    .map(name => ({ where: name, message: `unknown setting${didYouMean(name, known)}` }))
}

/**
 * Reads every setting of the given scopes from the first source that has it.
 *
 * @param sources  the strongest first
 * @param base     what stands where no source says anything; the flags' defaults unless given
 * @param problems is added to
 */
export function readSettings(
  sources: readonly Source[],
  problems: Problem[],
  scopes: readonly Scope[] = ['process', 'pool', 'listener', 'route'],
  base?: Settings,
): Settings {
  const settings: Record<string, unknown> = { ...base }
  for (const name of flagNames) {
    const flag: Flag = flags[name]
    if (!scopes.includes(flag.scope)) continue
    if (base === undefined) settings[name] = defaultOf(flag)
    const source = sources.find(({ values }) => values[name] !== undefined && values[name] !== null)
    if (source === undefined) continue
    const read = readValue(flag, source.values[name])
    if ('error' in read) problems.push({ where: source.where(name), message: read.error })
    else settings[name] = read.value
  }
  return settings as Settings
}

function defaultOf(flag: Flag): unknown {
  if (flag.default === undefined) return undefined
  const read = readValue(flag, flag.default)
  return 'error' in read ? undefined : read.value
}
