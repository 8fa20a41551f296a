/** Problems any certificate of a chain can have, and those of the chain as a whole. */
import type { X509Certificate } from 'node:crypto'
import type { CertificateFacts } from './facts.ts'
import { isSelfSigned } from './leaf.ts'
import { type CertificateProblem, certificateTitle, error, warning } from './problem.ts'
import { daysLeft } from './validity.ts'

/** OpenSSL at its default security level, 112 bits, serves with no smaller one. */
const RSA_BITS_MIN = 2048

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
  problems.push(...orderProblems(certificates, chain))
  return problems
}

function validityProblems(
  { notBefore, notAfter }: CertificateFacts,
  title: string,
  now: Date,
  warningDays: number,
): CertificateProblem[] {
  if (notBefore > now) {
    const begin = notBefore.toISOString()
    return [
      warning(
        'not-yet-valid',
        `${title} is not valid before ${begin}: check the clock of this host`,
      ),
    ]
  }
  const end = notAfter.toISOString()
  if (notAfter < now) {
    return [warning('expired', `${title} expired on ${end}: clients refuse it, renew it now`)]
  }
  const days = daysLeft(notAfter, now)
  if (days >= warningDays) return []
  return [warning('expires-soon', `${title} expires in ${days} days, on ${end}: renew it`)]
}

/** @param isRoot its signature proves nothing, so how it was made does not matter */
function strengthProblems(
  facts: CertificateFacts,
  title: string,
  isRoot: boolean,
): CertificateProblem[] {
  const problems: CertificateProblem[] = []
  const bits = facts.keyType === 'rsa' ? Number(facts.keyDetail) : RSA_BITS_MIN
  if (bits < RSA_BITS_MIN) {
    problems.push(
      error(
        'weak-key',
        `${title} has an RSA key of ${bits} bits, ${RSA_BITS_MIN} are the least: request one with a new key, best ECDSA P-256`,
      ),
    )
  }
  if (!isRoot && /sha-?1|md5/i.test(facts.signatureAlgorithm)) {
    problems.push(
      warning(
        'weak-signature',
        `${title} is signed with ${facts.signatureAlgorithm}, which clients refuse: have it issued anew`,
      ),
    )
  }
  return problems
}

function orderProblems(
  certificates: readonly X509Certificate[],
  chain: readonly CertificateFacts[],
): CertificateProblem[] {
  const problems: CertificateProblem[] = []
  const seen = new Set<string>()
  for (const [i, certificate] of certificates.entries()) {
    const { fingerprint } = chain[i]!
    const next = certificates[i + 1]
    if (seen.has(fingerprint)) {
      problems.push(
        warning('duplicate', `${certificateTitle(chain, i)} is in the file twice: remove one`),
      )
    } else if (next !== undefined && !certificate.checkIssued(next)) {
      problems.push(
        warning(
          'out-of-order',
          `${certificateTitle(chain, i)} was not issued by the one behind it: order them leaf first, each followed by its issuer`,
        ),
      )
    }
    seen.add(fingerprint)
  }
  const [only] = certificates
  if (only !== undefined && certificates.length === 1 && !isSelfSigned(only)) {
    problems.push(
      warning(
        'issuer-missing',
        `${certificateTitle(chain, 0)} comes without its issuer: add the intermediate certificates behind it`,
      ),
    )
  }
  return problems
}
