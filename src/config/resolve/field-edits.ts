/**
 * `request-headers` and `response-headers` of a route.
 *
 * Fields that say where a message ends or what one connection does are refused: an edit could make
 * two readers see two messages where weir saw one.
 */
import { EXPECT, HOST, isHopByHop, numberOfField, PROXY } from '../../codec/http1/field-names.ts'
import type { FieldEdits, FieldValue } from '../config.ts'
import type { Problem } from '../flag.ts'
import type { FieldEditsSection } from '../schema.ts'

export const NO_EDITS: FieldEdits = { remove: [], set: [], add: [] }

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/
/** RFC 9110 §5.5 without obs-text: what is beyond ASCII would be read in another charset. */
const VALUE = /^(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?$/
const VALUE_MAX = 4096

type Place = (...keys: readonly string[]) => string

/** @param where the place of a key within the section */
export function resolveFieldEdits(
  section: FieldEditsSection | undefined,
  where: Place,
  problems: Problem[],
): FieldEdits {
  if (section === undefined) return NO_EDITS
  const names = typeof section.remove === 'string' ? [section.remove] : (section.remove ?? [])
  const remove = names.flatMap(name => {
    const wrong = wrongName(name)
    if (wrong !== '') problems.push({ where: where('remove'), message: wrong })
    return wrong === '' ? [name.toLowerCase()] : []
  })
  const set = fieldValues('set', section.set, where, problems)
  const add = fieldValues('add', section.add, where, problems)
  const seen = new Set(remove)
  if (seen.size < remove.length) {
    problems.push({ where: where('remove'), message: 'names a field twice' })
  }
  for (const { name } of set) {
    const lower = name.toLowerCase()
    if (seen.has(lower)) {
      problems.push({
        where: where('set', name),
        message: `${name} is removed or set already; set alone replaces what is there`,
      })
    }
    seen.add(lower)
  }
  return { remove, set, add }
}

function fieldValues(
  key: 'set' | 'add',
  section: FieldEditsSection['add'],
  where: Place,
  problems: Problem[],
): FieldValue[] {
  const fields: FieldValue[] = []
  for (const [name, written] of Object.entries(section ?? {})) {
    const bad = wrongName(name)
    if (bad !== '') problems.push({ where: where(key, name), message: bad })
    for (const each of typeof written === 'string' ? [written] : written) {
      const wrong = wrongValue(name, each)
      if (wrong !== '') problems.push({ where: where(key, name), message: wrong })
      if (bad === '' && wrong === '') fields.push({ name, value: each })
    }
  }
  return fields
}

/** @returns '' if it is a field that may be edited */
function wrongName(name: string): string {
  if (!TOKEN.test(name)) {
    return `${JSON.stringify(name)} is no field name; write letters, digits and hyphens`
  }
  const number = numberOfField(name)
  if (number === HOST) return `${name} is not edited here; use rewrite-host`
  return isHopByHop(number) || number === EXPECT || number === PROXY
    ? `${name} is about one connection or the length of a message; weir writes it itself`
    : ''
}

/** @returns '' if it can stand in a field */
function wrongValue(name: string, value: string): string {
  if (value.length > VALUE_MAX) {
    return `the value of ${name} has ${value.length} characters; ${VALUE_MAX} is the limit`
  }
  return VALUE.test(value)
    ? ''
    : `${JSON.stringify(value.slice(0, 80))} cannot be the value of ${name}; write visible ASCII, without blanks around it and without line ends`
}
