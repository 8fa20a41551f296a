/** What can be wrong with a certificate or its key. */
import type { CertificateFacts } from './facts.ts'

export type ProblemCode =
  | 'certificate-missing'
  | 'certificate-unreadable'
  | 'key-missing'
  | 'key-encrypted'
  | 'key-unreadable'
  | 'key-mismatch'
  | 'expired'
  | 'not-yet-valid'
  | 'expires-soon'
  | 'weak-key'
  | 'unusual-key'
  | 'weak-signature'
  | 'no-names'
  | 'self-signed'
  | 'authority-as-leaf'
  | 'not-for-servers'
  | 'issuer-missing'
  | 'out-of-order'
  | 'duplicate'
  | 'unneeded'

export interface CertificateProblem {
  /** `error`: TLS cannot be served with this. `warning`: it can, but clients will or may object. */
  readonly severity: 'error' | 'warning'
  readonly code: ProblemCode
  /** Names the thing, the value and the remedy, but not the file: the caller knows that. */
  readonly message: string
}

export function error(code: ProblemCode, message: string): CertificateProblem {
  return { severity: 'error', code, message }
}

export function warning(code: ProblemCode, message: string): CertificateProblem {
  return { severity: 'warning', code, message }
}

/** `certificate 2 of 3 (CN=Example CA)`; without the numbers if there is only one. */
export function certificateTitle(chain: readonly CertificateFacts[], index: number): string {
  const name = chain[index]?.subject || chain[index]?.names[0] || 'no subject'
  const place = chain.length === 1 ? '' : ` ${index + 1} of ${chain.length}`
  return `certificate${place} (${name})`
}
