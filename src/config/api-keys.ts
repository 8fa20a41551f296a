/** `--api-keys`: whether the file will do. */
import { readFileSync, statSync } from 'node:fs'
import { isValid, parseKeys } from '../auth/api-key-file.ts'
import { type Config, speaksHttp } from './config.ts'
import type { Problem } from './flag.ts'
import { explainRead } from './read-error.ts'

const WHERE = '--api-keys'
const WRITABLE_BY_ALL = 0o002

/** Adds to `problems` what keeps weir from starting. @returns warnings */
export function checkApiKeys(config: Config, problems: Problem[], now: Date): string[] {
  const file = config.auth.apiKeys
  if (file === '') return []
  try {
    if ((statSync(file).mode & WRITABLE_BY_ALL) !== 0) {
      problems.push({ where: WHERE, message: `${file} can be changed by everybody; chmod o-w it` })
    }
    const read = parseKeys(readFileSync(file, 'utf8'))
    if ('error' in read) {
      problems.push({ where: WHERE, message: `${file} ${read.error}` })
      return []
    }
    const seconds = now.getTime() / 1000
    const valid = read.keys.filter(key => isValid(key, seconds)).length
    return [
      ...(valid === 0 ? [`${WHERE}: ${file} has no valid key: nobody with a key is let in`] : []),
      ...(config.listeners.some(({ mode }) => speaksHttp(mode))
        ? []
        : [`${WHERE} is given, and there is no http:// or https:// listener`]),
    ]
  } catch (error) {
    problems.push({
      where: WHERE,
      message: `${file} ${explainRead(error)}; weir keys create makes one`,
    })
    return []
  }
}
