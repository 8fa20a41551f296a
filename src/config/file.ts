/** Reads `--config FILE`: YAML, checked against the schema, with the place of every problem. */
import { readFileSync } from 'node:fs'
import { isNode, LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import type { Problem } from './flag.ts'
import { type Key, keysOf, readable, type Tree, valueAt } from './file-rest.ts'
import { didYouMean } from './nearest.ts'
import { explainRead } from './read-error.ts'
import { type ConfigFile, fileSchema, sectionKeys } from './schema.ts'

export interface LoadedFile {
  readonly content: ConfigFile
  /** `FILE:LINE:COLUMN key`, for problems found later. */
  readonly where: (path: readonly (string | number)[]) => string
}

/** Larger than any sane configuration; a wrong path may name a disk image. */
const BYTES_MAX = 4 * 1024 * 1024

/** A file whose form is wrong. */
export interface FailedFile {
  readonly problems: readonly Problem[]
  /** What is left of it without the places that are wrong, so that its values can be checked as well. */
  readonly rest?: LoadedFile
}

/** @returns the file, or every problem of its form */
export function readConfigFile(path: string): LoadedFile | FailedFile {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    return {
      problems: [{ where: '--config', message: `${path} ${explainRead(error)}` }],
    }
  }
  return text.length > BYTES_MAX
    ? {
        problems: [
          {
            where: '--config',
            message: `${path} is larger than ${BYTES_MAX} bytes; is it the right file?`,
          },
        ],
      }
    : parseConfigFile(path, text)
}

/** @param path for messages only */
export function parseConfigFile(path: string, text: string): LoadedFile | FailedFile {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: true,
    prettyErrors: false,
  })
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${path}:${line}:${col}`
  }
  if (document.errors.length > 0) {
    return {
      problems: document.errors.map(error => ({ where: at(error.pos[0]), message: error.message })),
    }
  }
  const where = (keys: readonly (string | number)[]): string => {
    for (let length = keys.length; length > 0; length--) {
      const node = document.getIn(keys.slice(0, length), true)
      if (isNode(node) && node.range) return `${at(node.range[0])} ${keys.join('.')}`
    }
    return `${path} ${keys.join('.')}`.trimEnd()
  }
  let raw: unknown
  try {
    // Aliases that multiply are refused: a few lines must not become gigabytes.
    raw = document.toJS({ maxAliasCount: 100 }) ?? {}
  } catch (error) {
    return { problems: [{ where: path, message: (error as Error).message }] }
  }
  const checked = fileSchema.safeParse(raw)
  if (checked.success) return { content: checked.data, where }
  if (typeof raw !== 'object' || Array.isArray(raw)) {
    return {
      problems: [{ where: path, message: 'holds no settings; write key: value, a line each' }],
    }
  }
  const { issues } = checked.error
  const content = readable(raw as Tree, issues)
  return {
    problems: issues.flatMap(issue => explain(issue, raw as Tree, where)),
    ...(content === null ? {} : { rest: { content, where } }),
  }
}

function explain(issue: z.core.$ZodIssue, raw: Tree, where: LoadedFile['where']): Problem[] {
  const path = keysOf(issue)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => ({
      where: where([...path, key]),
      message: `unknown key ${key}${hint(key, path)}`,
    }))
  }
  const written = valueAt(raw, path)
  if (written === undefined) return [{ where: where(path), message: 'is missing' }]
  if (written === null) {
    return [{ where: where(path), message: 'has no value; write one, or leave the key out' }]
  }
  if (issue.code === 'invalid_union') {
    // The form that was meant is the one whose problems lie further in.
    const meant = issue.errors.find(form =>
      form.every(({ code, path }) => code === 'unrecognized_keys' || path.length > 0),
    )
    if (meant !== undefined && meant.length > 0) {
      return meant.flatMap(inner =>
        explain({ ...inner, path: [...path, ...inner.path] }, raw, where),
      )
    }
    return [
      { where: where(path), message: 'takes one value, or a list where the flag is repeatable' },
    ]
  }
  return [
    { where: where(path), message: issue.message.charAt(0).toLowerCase() + issue.message.slice(1) },
  ]
}

/** The nearest key, or where this one belongs. */
function hint(key: string, path: readonly Key[]): string {
  const elsewhere = path.length > 0 && sectionKeys.file.includes(key)
  return elsewhere ? '; it belongs to the top of the file' : didYouMean(key, knownKeys(path))
}

/** The keys allowed at `path`: of the file, a listener, a pool, a route or the edits of one. */
function knownKeys(path: readonly (string | number)[]): string[] {
  if (path.at(-1) === 'request-headers' || path.at(-1) === 'response-headers') {
    return sectionKeys.fieldEdits
  }
  if (path.at(-2) === 'methods') return sectionKeys.access
  if (path.at(-2) === 'routes') return sectionKeys.route
  if (path[0] === 'listeners') return sectionKeys.listener
  return path[0] === 'pools' ? sectionKeys.pool : sectionKeys.file
}
