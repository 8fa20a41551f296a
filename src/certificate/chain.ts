/** Problems any certificate of a chain can have, and those of the chain as a whole. */
import type { X509Certificate } from 'node:crypto'
import { type CertificateFacts, describeKey } from './facts.ts'
import { isSelfSigned, isSignedBy } from './leaf.ts'
import { type CertificateProblem, certificateTitle, error, warning } from './problem.ts'

const DAY_MS = 86_400_000
/** OpenSSL at its default security level, 112 bits, serves with no smaller one. */
const RSA_BITS_MIN = 2048
const weakCurves: readonly RegExp[] = [/192/, /160/, /128/, /112/, /131/, /163/]

/** @param warningDays warn when fewer days than this are left */
export function chainProblems(
  certificates: readonly X509Certificate[],
  chain: readonly CertificateFacts[],
  now: Date,
  warningDays: number,
): CertificateProblem[] {
  const problems: CertificateProblem[] = []
  for (const [i, facts] of chain.entries()) {
    const title = certificateTitle(chain, i)
    problems.push(...validityProblems(facts, title, now, warningDays))
    problems.push(...strengthProblems(facts, title, isSelfSigned(certificates[i]!)))
  }
  problems.push(...duplicateProblems(chain), ...orderProblems(certificates, chain))
  return problems
}
