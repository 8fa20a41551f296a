/** Problems any certificate of a chain can have, and those of their order. */
import type { X509Certificate } from 'node:crypto'
import { type CertificateFacts, describeKey, isIssuedBy } from './facts.ts'
import { type CertificateProblem, certificateTitle, error, warning } from './problem.ts'

const DAY_MS = 86_400_000
/** OpenSSL serves with no key under 112 bits of security, its default since 3.2. */
const RSA_BITS_MIN = 2048
const CURVE_BITS_MIN = 224
/** The size of a curve stands in its name. */
const CURVE_BITS = /^(?:P-|sec[pt]|prime|brainpoolP)(\d+)/
const WEAK_HASH = /sha-?1(?!\d)|md[245]/i

/** @param warningDays warn when fewer days than this are left, or less than a third of a short life */
export function validityProblems(
  chain: readonly CertificateFacts[],
  now: Date,
  warningDays: number,
): CertificateProblem[] {
  const problems: CertificateProblem[] = []
  for (const [i, { notBefore, notAfter }] of chain.entries()) {
    const title = certificateTitle(chain, i)
    const leftMs = notAfter.getTime() - now.getTime()
    // Some authorities issue for six days only: 14 days of warning would never be silent.
    const warningMs = Math.min(warningDays * DAY_MS, (notAfter.getTime() - notBefore.getTime()) / 3)
    if (leftMs < 0) {
      problems.push(
        warning(
          'expired',
          `${title} expired on ${notAfter.toISOString()}, ${days(-leftMs)} ago: ` +
            'clients refuse it, renew it now',
        ),
      )
    } else if (now < notBefore) {
      problems.push(
        warning(
          'not-yet-valid',
          `${title} is not valid before ${notBefore.toISOString()}, ` +
            `in ${days(notBefore.getTime() - now.getTime())}: clients refuse it until then, ` +
            'check the clock of this host',
        ),
      )
    } else if (leftMs < warningMs) {
      problems.push(
        warning(
          'expires-soon',
          `${title} expires on ${notAfter.toISOString()}, in ${days(leftMs)}: renew it`,
        ),
      )
    }
  }
  return problems
}

export function strengthProblems(chain: readonly CertificateFacts[]): CertificateProblem[] {
  const problems: CertificateProblem[] = []
  for (const [i, facts] of chain.entries()) {
    const title = certificateTitle(chain, i)
    if (isWeakKey(facts)) {
      problems.push(
        error(
          'weak-key',
          `${title} has a weak key, ${describeKey(facts)}, which TLS refuses to serve: ` +
            `use EC P-256, or RSA with at least ${RSA_BITS_MIN} bits`,
        ),
      )
    }
    // A root is trusted for being known: nobody checks its signature.
    if (WEAK_HASH.test(facts.signatureAlgorithm) && !(facts.isSelfSigned && facts.isAuthority)) {
      problems.push(
        warning(
          'weak-signature',
          `${title} is signed with ${facts.signatureAlgorithm}, which clients refuse: ` +
            'have it issued again with SHA-256',
        ),
      )
    }
  }
  return problems
}

/** Each certificate is to be followed by the one that issued it; the root may be left out. */
export function orderProblems(
  certificates: readonly X509Certificate[],
  chain: readonly CertificateFacts[],
): CertificateProblem[] {
  const [duplicates, singles] = splitDuplicates(chain)
  const problems = duplicates.map(i =>
    warning('duplicate', `${certificateTitle(chain, i)} is in the file twice: remove one of them`),
  )
  const path = pathOf(singles, certificates)
  const last = path.at(-1)
  if (last === undefined) return problems

  const inFileOrder = singles.filter(i => path.includes(i))
  if (inFileOrder.some((i, position) => i !== path[position])) {
    const order = path.map(i => `${i + 1} (${chain[i]!.subject})`).join(', ')
    problems.push(
      warning(
        'out-of-order',
        `the certificates of the file are out of order: put them as ${order}`,
      ),
    )
  }
  const strangers = singles.filter(i => !path.includes(i))
  // A path of several may end below the root, which clients have.
  const isEndOpen = path.length === 1 || strangers.length > 0
  if (isEndOpen && !chain[last]!.isSelfSigned) {
    problems.push(
      warning(
        'issuer-missing',
        `${certificateTitle(chain, last)} was issued by ${chain[last]!.issuer}, whose ` +
          'certificate is not in the file: append it, unless it is a root that the clients have',
      ),
    )
  }
  const [stranger] = strangers
  if (stranger !== undefined) {
    // One line, even for a whole bundle of roots.
    const others = strangers.length === 1 ? ' does' : ` and ${strangers.length - 1} more do`
    problems.push(
      warning(
        'unneeded',
        `${certificateTitle(chain, stranger)}${others} not belong to the chain: ` +
          'remove what clients have no use for, it makes every handshake larger',
      ),
    )
  }
  return problems
}

/** The indices of the leaf, its issuer, that one's issuer, and so on as far as the file goes. */
function pathOf(singles: readonly number[], certificates: readonly X509Certificate[]): number[] {
  const issuers = new Map(singles.map(i => [i, issuerOf(i, singles, certificates)]))
  const above = new Set(issuers.values())
  // The leaf should be the first. If that one issued others, it is the first that did not.
  let at = singles.find(i => !above.has(i)) ?? singles[0]
  const path: number[] = []
  // Ends even where two authorities issued each other: each certificate is taken once.
  while (at !== undefined && !path.includes(at)) {
    path.push(at)
    at = issuers.get(at)
  }
  return path
}

/** The indices of certificates seen before, and those of all others. */
function splitDuplicates(chain: readonly CertificateFacts[]): [number[], number[]] {
  const seen = new Set<string>()
  const duplicates: number[] = []
  const singles: number[] = []
  for (const [i, { fingerprint }] of chain.entries()) {
    const place = seen.has(fingerprint) ? duplicates : singles
    place.push(i)
    seen.add(fingerprint)
  }
  return [duplicates, singles]
}

function issuerOf(
  index: number,
  candidates: readonly number[],
  certificates: readonly X509Certificate[],
): number | undefined {
  return candidates.find(
    candidate => candidate !== index && isIssuedBy(certificates[index]!, certificates[candidate]!),
  )
}

function isWeakKey({ keyType, keyDetail }: CertificateFacts): boolean {
  if (keyType === 'rsa' || keyType === 'rsa-pss') return Number(keyDetail) < RSA_BITS_MIN
  const [, bits] = CURVE_BITS.exec(keyDetail) ?? []
  return bits !== undefined && Number(bits) < CURVE_BITS_MIN
}

/** Whole days, rounded down: never more than there are. */
function days(milliseconds: number): string {
  const count = Math.floor(milliseconds / DAY_MS)
  return count === 1 ? '1 day' : `${count} days`
}
