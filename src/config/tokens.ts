/** Whether the files that a config names for tokens can be used: an error now, not at the first token. */
import { readFileSync, statSync } from 'node:fs'
import { readPem } from '../certificate/pem.ts'
import type { Config } from './config.ts'
import type { Problem } from './flag.ts'
import { checkKeySet, readKeyFile } from './key-file.ts'
import { explainRead } from './read-error.ts'

const CA = '--issuer-ca'
const CLIENT = '--introspection-client'
const READABLE_BY_ALL = 0o004

/** Adds to `problems` what keeps weir from starting. @returns warnings */
export function checkTokens(config: Config, problems: Problem[]): string[] {
  readIssuerCa(config, problems)
  readIntrospectionClient(config, problems)
  const warnings: string[] = []
  const { jwt, introspection } = config.tokens
  for (const { keys } of jwt.issuers) {
    if (keys.kind !== 'file') continue
    const { path, isNamed } = keys
    const where = isNamed ? '--jwt-key' : '--jwks'
    const set = readKeyFile(path, isNamed, jwt.algorithms)
    const skipped = typeof set === 'string' ? set : checkKeySet(set, jwt.algorithms)
    if (typeof skipped === 'string') problems.push({ where, message: `${path} ${skipped}` })
    else {
      for (const { key, reason } of skipped) {
        warnings.push(`${path}: key ${key} is left out: ${reason}`)
      }
    }
    if (typeof set === 'object' && /"kty"\s*:\s*"oct"/.test(set.text) && isOpen(path)) {
      warnings.push(`${where}: ${path} holds a secret that everybody may read; chmod o-r it`)
    }
  }
  const { client } = introspection
  if (client !== '' && isOpen(client)) {
    warnings.push(`${CLIENT}: ${client} holds a secret that everybody may read; chmod o-r it`)
  }
  return warnings
}

/** PEM of the authorities that are trusted for issuers; '' for those of the system. */
export function readIssuerCa({ tokens: { issuerCa } }: Config, problems: Problem[]): string {
  if (issuerCa === '') return ''
  try {
    const pem = readFileSync(issuerCa, 'utf8')
    if (readPem(pem).some(({ label }) => label === 'CERTIFICATE')) return pem
    problems.push({ where: CA, message: `${issuerCa} holds no PEM certificate` })
  } catch (error) {
    problems.push({ where: CA, message: `${issuerCa} ${explainRead(error)}` })
  }
  return ''
}

/** As whom the introspection server is asked, `id:secret`; '' for nobody. */
export function readIntrospectionClient({ tokens }: Config, problems: Problem[]): string {
  const file = tokens.introspection.client
  if (file === '') return ''
  try {
    const text = readFileSync(file, 'utf8').trim()
    // What it holds is a secret: not a word of it.
    if (/^[^:\x00-\x1f\x7f]+:[^\x00-\x1f\x7f]+$/.test(text)) return text
    problems.push({ where: CLIENT, message: `${file} is not one line of ID:SECRET` })
  } catch (error) {
    problems.push({ where: CLIENT, message: `${file} ${explainRead(error)}` })
  }
  return ''
}

function isOpen(path: string): boolean {
  try {
    return (statSync(path).mode & READABLE_BY_ALL) !== 0
  } catch {
    return false
  }
}
