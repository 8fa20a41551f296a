/**
 * JSON objects of clients, read strictly: RFC 8259, UTF-8, no member twice, bounded depth and size.
 *
 * `JSON.parse` keeps the last of two members of one name, others keep the first: a token could say one
 * thing here and another behind. So the text is walked once before it is parsed, which also bounds the
 * depth before anything recurses.
 */
import { isUtf8 } from 'node:buffer'

export type JsonObject = Readonly<Record<string, unknown>>

/** Not UTF-8, not JSON, or no object. */
export const NOT_JSON = -1
export const DUPLICATE_MEMBER = -2
/** Nested deeper than {@link DEPTH_MAX}, or more than {@link MEMBERS_MAX} members. */
export const TOO_COMPLEX = -3
/** Something stands behind the object. */
export const TRAILING = -4

export type JsonProblem =
  | typeof NOT_JSON
  | typeof DUPLICATE_MEMBER
  | typeof TOO_COMPLEX
  | typeof TRAILING

/** An object in an object is 2. */
export const DEPTH_MAX = 8
/** Of all objects together: names that a client chose must not fill a hash table. */
export const MEMBERS_MAX = 256

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d

/** @returns the object, or what is wrong with it, all negative. Never throws */
export function readJsonObject(bytes: Buffer): JsonObject | JsonProblem {
  if (!isUtf8(bytes)) return NOT_JSON
  const text = bytes.toString('utf8')
  const problem = walk(text)
  if (problem !== 0) return problem
  try {
    return JSON.parse(text) as JsonObject
  } catch {
    return NOT_JSON
  }
}

/** A claim of an object; undefined if it has no such member of its own. */
export function member(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

/** Looks at names, depth and ends alone: whether it is JSON at all is said by the parser. */
function walk(text: string): 0 | JsonProblem {
  const start = skipBlanks(text, 0)
  if (text.charCodeAt(start) !== OPEN_OBJECT) return NOT_JSON
  /** Names of each open object; null for an array. */
  const open: (Set<string> | null)[] = []
  let members = 0
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      if (open.length === DEPTH_MAX) return TOO_COMPLEX
      open.push(code === OPEN_OBJECT ? new Set() : null)
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
      open.pop()
      if (open.length === 0) return skipBlanks(text, i + 1) === text.length ? 0 : TRAILING
    } else if (code === QUOTE) {
      const end = endOfString(text, i)
      if (end === -1) return NOT_JSON
      if (isName(text, end + 1)) {
        if (++members > MEMBERS_MAX) return TOO_COMPLEX
        const name = unescape(text.slice(i, end + 1))
        const names = open.at(-1)
        if (name === null || names === null || names === undefined) return NOT_JSON
        if (names.has(name)) return DUPLICATE_MEMBER
        names.add(name)
      }
      i = end
    }
  }
  return NOT_JSON
}

/** @returns where its closing quote stands; -1 if there is none */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) return i
    if (code === BACKSLASH) i++
  }
  return -1
}

function isName(text: string, from: number): boolean {
  return text.charCodeAt(skipBlanks(text, from)) === COLON
}

function skipBlanks(text: string, from: number): number {
  let i = from
  for (;;) {
    const code = text.charCodeAt(i)
    if (code !== 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d) return i
    i++
  }
}

/** `"\u0061"` is the name `a`: compared as it will be read. */
function unescape(quoted: string): string | null {
  if (!quoted.includes('\\')) return quoted.slice(1, -1)
  try {
    return JSON.parse(quoted) as string
  } catch {
    return null
  }
}
