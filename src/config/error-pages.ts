/** `--error-page`: which file stands for which status, and what is in the files. */
import { readFileSync, statSync } from 'node:fs'
import type { ErrorPage } from './config.ts'
import type { Problem } from './flag.ts'
import type { ErrorPageText } from './messages.ts'

const WHERE = '--error-page'
/** Every answer carries its page, and an attacker may ask for many. */
const BYTES_MAX = 65_536

/** `503=FILE`, or `5xx=FILE` for all that have no page of their own. */
export function readErrorPages(texts: readonly string[], problems: Problem[]): ErrorPage[] {
  const pages: ErrorPage[] = []
  for (const text of texts) {
    const equals = text.indexOf('=')
    const name = equals === -1 ? text : text.slice(0, equals)
    const file = equals === -1 ? '' : text.slice(equals + 1)
    const range = rangeOf(name)
    if (file === '') {
      problem(
        problems,
        `${JSON.stringify(text)} names no file; write STATUS=FILE, as 503=/etc/weir/503.html`,
      )
    } else if (range === null) {
      problem(problems, `${JSON.stringify(name)} is no status from 400 to 599, nor 4xx or 5xx`)
    } else if (
      pages.some(page => page.statusMin === range.statusMin && page.statusMax === range.statusMax)
    ) {
      problem(problems, `${name} is given twice; leave one`)
    } else pages.push({ ...range, file })
  }
  return pages
}

/** As it was written. */
export function formatErrorPage({ statusMin, statusMax, file }: ErrorPage): string {
  return `${statusMin === statusMax ? statusMin : `${statusMin / 100}xx`}=${file}`
}

/** Reads the files; adds to `problems` what cannot be used. */
export function loadErrorPages(pages: readonly ErrorPage[], problems: Problem[]): ErrorPageText[] {
  return pages.flatMap(({ statusMin, statusMax, file }) => {
    const html = readPage(file, problems)
    return html === null ? [] : [{ statusMin, statusMax, html }]
  })
}

function rangeOf(name: string): { statusMin: number; statusMax: number } | null {
  if (name === '4xx') return { statusMin: 400, statusMax: 499 }
  if (name === '5xx') return { statusMin: 500, statusMax: 599 }
  if (!/^[45]\d\d$/.test(name)) return null
  return { statusMin: Number(name), statusMax: Number(name) }
}

/** @returns its bytes as latin1, as answers are written; null with a problem added */
function readPage(file: string, problems: Problem[]): string | null {
  try {
    const about = statSync(file)
    if (!about.isFile()) problem(problems, `${file} is no file`)
    else if (about.size > BYTES_MAX) {
      problem(
        problems,
        `${file} has ${about.size} bytes, at most ${BYTES_MAX} are sent; make it smaller`,
      )
    } else return readFileSync(file, 'latin1')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why =
      code === 'ENOENT'
        ? 'does not exist'
        : code === 'EACCES'
          ? 'may not be read by this user'
          : `cannot be read: ${message}`
    problem(problems, `${file} ${why}`)
  }
  return null
}

function problem(problems: Problem[], message: string): void {
  problems.push({ where: WHERE, message })
}
