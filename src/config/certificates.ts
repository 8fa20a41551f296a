/** Whether the certificates a config names can be used: an error now, not at the first client. */
import { readFileSync } from 'node:fs'
import { inspectCertificate } from '../certificate/inspect.ts'
import type { Config } from './config.ts'
import type { Problem } from './flag.ts'
import { explainRead } from './read-error.ts'

/**
 * Adds to `problems` what keeps weir from starting.
 *
 * @returns warnings: it serves, but somebody should look (expired, not yet valid, odd chain)
 */
export function checkCertificates(config: Config, problems: Problem[], now: Date): string[] {
  const warnings: string[] = []
  for (const { cert, key } of config.tls.certificates) {
    const certPem = read(cert, '--cert', problems)
    const keyPem = read(key, '--key', problems)
    if (certPem === null || keyPem === null) continue
    for (const { severity, message } of inspectCertificate(certPem, keyPem, now).problems) {
      if (severity === 'error')
        problems.push({ where: '--cert', message: `${cert} with ${key}: ${message}` })
      else warnings.push(`${cert}: ${message}`)
    }
  }
  return warnings
}

function read(path: string, where: string, problems: Problem[]): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    problems.push({ where, message: `${path} ${explainRead(error)}` })
    return null
  }
}
