/** Problems of the first certificate of a chain, the one weir shows as its own. */
import type { X509Certificate } from 'node:crypto'
import { type CertificateFacts, describeKey } from './facts.ts'
import { type CertificateProblem, certificateTitle, warning } from './problem.ts'

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const ANY_PURPOSE = '2.5.29.37.0'

/** What every browser and TLS library takes from a server. */
const usualKeys: ReadonlySet<string> = new Set(['ec P-256', 'ec P-384', 'ec P-521'])

export function leafProblems(
  leaf: X509Certificate,
  chain: readonly CertificateFacts[],
): CertificateProblem[] {
  const [facts] = chain
  if (facts === undefined) return []
  const title = certificateTitle(chain, 0)
  const problems: CertificateProblem[] = []
  if (facts.names.length === 0) {
    const hint =
      facts.commonName === '' ? '' : `; the common name ${facts.commonName} does not count`
    problems.push(
      warning(
        'no-names',
        `${title} has no DNS name or IP address${hint}: ` +
          'request one with subject alternative names',
      ),
    )
  }
  if (facts.isSelfSigned) {
    problems.push(
      warning(
        'self-signed',
        `${title} is self-signed, so no client trusts it unless told to: ` +
          'get one from a certificate authority, or from `weir cert ca` for development',
      ),
    )
  }
  if (facts.isAuthority) {
    problems.push(
      warning(
        'authority-as-leaf',
        `${title} is that of a certificate authority, which many clients refuse from a server: ` +
          'put the server certificate first, or issue one',
      ),
    )
  }
  // Node calls the extended key usages by this name.
  const purposes = leaf.keyUsage as readonly string[] | undefined
  if (purposes !== undefined && !purposes.some(oid => oid === SERVER_AUTH || oid === ANY_PURPOSE)) {
    problems.push(
      warning(
        'not-for-servers',
        `${title} is for ${purposes.join(', ')} only: ` +
          `request one with the extended key usage serverAuth (${SERVER_AUTH})`,
      ),
    )
  }
  if (facts.keyType !== 'rsa' && !usualKeys.has(`${facts.keyType} ${facts.keyDetail}`)) {
    problems.push(
      warning(
        'unusual-key',
        `${title} has a key of type ${describeKey(facts)}, which many clients do not know: ` +
          'use EC P-256, EC P-384 or RSA',
      ),
    )
  }
  return problems
}
