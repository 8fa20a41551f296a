/** What the config is built from, handed from one noun to the next. */
import type { LoadedFile } from '../file.ts'
import type { Problem, Scope } from '../flag.ts'
import type { Settings } from '../flags.ts'
import { readSettings } from '../settings.ts'

export interface Resolution {
  readonly settings: Settings
  readonly file: LoadedFile | null
  /** Settings that flags or environment gave: they win over what a section of the file says. */
  readonly given: ReadonlySet<string>
  readonly problems: Problem[]
}

/** The settings of a section of the file: its own, else those of the whole process. */
export function sectionSettings(
  { settings, given, problems }: Resolution,
  scope: Scope,
  section: object,
  where: (key: string) => string,
): Settings {
  const values = Object.fromEntries(Object.entries(section).filter(([name]) => !given.has(name)))
  return readSettings([{ values, where }], problems, [scope], settings)
}
