/**
 * The CA files of backends. Main reads them once and hands their text on: a worker that is replaced later
 * must not depend on a file that may be gone by then.
 */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readPem } from '../certificate/pem.ts'
import type { PoolConfig } from './config.ts'
import type { Problem } from './flag.ts'
import { explainRead } from './read-error.ts'

/** PEM text by path. */
export type Authorities = ReadonlyMap<string, string>

/** Reads the files; adds to `problems` what cannot be used. */
export function loadAuthorities(pools: readonly PoolConfig[], problems: Problem[]): Authorities {
  const authorities = new Map<string, string>()
  for (const { name, ca } of pools.flatMap(pool => pool.backends)) {
    if (ca === null || authorities.has(ca)) continue
    const where = `--backend ${name} ca`
    try {
      const pem = readFileSync(ca, 'utf8')
      const wrong = whyUseless(pem)
      if (wrong === null) authorities.set(ca, pem)
      else problems.push({ where, message: `${ca} ${wrong}` })
    } catch (error) {
      problems.push({ where, message: `${ca} ${explainRead(error)}` })
    }
  }
  return authorities
}

/** OpenSSL passes over what it cannot read, and then no backend would be trusted, without a word why. */
function whyUseless(pem: string): string | null {
  const blocks = readPem(pem).filter(({ label }) => label === 'CERTIFICATE')
  if (blocks.length === 0) return 'holds no PEM certificate'
  const bad = blocks.findIndex(({ text, isWhole }) => !isWhole || !isCertificate(text))
  if (bad === -1) return null
  return `holds a certificate that cannot be read, ${bad + 1} of ${blocks.length}; copy the file again`
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).raw.length > 0
  } catch {
    return false
  }
}
