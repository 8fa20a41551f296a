/** `--sticky-secret`: whether the file will do, and what is in it. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Config } from './config.ts'
import type { Problem } from './flag.ts'
import { explainRead } from './read-error.ts'

const BYTES_MIN = 32
const WHERE = '--sticky-secret'

/** Adds to `problems` what keeps weir from starting. @returns warnings */
export function checkStickySecret({ http, pools }: Config, problems: Problem[]): string[] {
  const file = http.stickySecret
  if (file === '') return []
  try {
    const { length } = readFileSync(file)
    if (length < BYTES_MIN) {
      problems.push({
        where: WHERE,
        message: `${file} holds ${length} bytes, at least ${BYTES_MIN} are needed; make one with openssl rand -out ${file} ${BYTES_MIN}`,
      })
    }
  } catch (error) {
    problems.push({ where: WHERE, message: `${file} ${explainRead(error)}` })
  }
  if (pools.some(({ sticky }) => sticky !== null)) return []
  return [`${WHERE} is given, and no pool has --sticky`]
}

/** What signs the cookies until weir stops; of the file, or made up. */
export function stickySecret({ http }: Config): Uint8Array {
  return http.stickySecret === '' ? randomBytes(BYTES_MIN) : readFileSync(http.stickySecret)
}
