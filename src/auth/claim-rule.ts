/** What a claim must be: one of some texts, or begin with one. */

export interface ClaimRule {
  /** Of the claim, or the way to one within another: `realm_access.roles`. */
  readonly name: string
  /** Empty where a prefix counts. */
  readonly oneOf: readonly string[]
  /** '' where {@link oneOf} counts. */
  readonly prefix: string
}

type Claims = Readonly<Record<string, unknown>>

/** Of a claim that is a list one element has to fit. Numbers and booleans are compared as they are written. */
export function hasClaim(claims: Claims, rule: ClaimRule): boolean {
  const value = find(claims, rule.name)
  return Array.isArray(value) ? value.some(each => fits(each, rule)) : fits(value, rule)
}

/** A claim of the whole name counts before one further in: names are often URLs, with dots. */
function find(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name]
  let value: unknown = claims
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Claims)[part]
  }
  return value
}

function fits(value: unknown, { oneOf, prefix }: ClaimRule): boolean {
  // Beyond 2^53 many written numbers are read as one: a rule for one would let in the others.
  if (typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER) return false
  if (typeof value === 'number' || typeof value === 'boolean') return oneOf.includes(String(value))
  if (typeof value !== 'string') return false
  return prefix === '' ? oneOf.includes(value) : value.startsWith(prefix)
}
