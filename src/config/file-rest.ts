/**
 * What is left of a config file without the places whose form is wrong: so that one mistyped key does not
 * hide what is wrong with the values of all others.
 */
import type { z } from 'zod'
import { type ConfigFile, fileSchema } from './schema.ts'

export type Key = string | number
/** A mapping or a list, as YAML gives it. */
export type Tree = { [key: Key]: unknown }

/** Each turn cuts off what the last one found; a turn can bring new ones to light, but not for ever. */
const TURNS_MAX = 8

/** @returns null if too little is left to make sense of */
export function readable(raw: Tree, issues: readonly z.core.$ZodIssue[]): ConfigFile | null {
  const tree = structuredClone(raw)
  let found = issues
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    for (const issue of found) {
      const path = keysOf(issue)
      const ends = issue.code === 'unrecognized_keys' ? issue.keys : null
      if (ends === null) cut(tree, path)
      else for (const key of ends) cut(tree, [...path, key])
    }
    const checked = fileSchema.safeParse(tree)
    if (checked.success) return checked.data
    found = checked.error.issues
  }
  return null
}

export function keysOf(issue: z.core.$ZodIssue): Key[] {
  return issue.path.filter(key => typeof key !== 'symbol')
}

export function valueAt(tree: Tree, path: readonly Key[]): unknown {
  let value: unknown = tree
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Tree)[key]
  }
  return value
}

/** Cuts off what stands at `path`; where nothing does, a key is missing, and what lacks it goes. */
function cut(tree: Tree, path: readonly Key[]): void {
  const parent = valueAt(tree, path.slice(0, -1))
  const last = path.at(-1)
  if (last === undefined || typeof parent !== 'object' || parent === null) return
  const isThere = Object.hasOwn(parent, last)
  // Of a list all of it: the places of those behind would no longer be right.
  if (!isThere || Array.isArray(parent)) cut(tree, path.slice(0, -1))
  else delete (parent as Tree)[last]
}
