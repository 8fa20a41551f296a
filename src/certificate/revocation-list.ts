/** What a list of revoked certificates says of itself (RFC 5280 §5.1). */
import { children, decode, readTime } from './der.ts'

/** Elements of a TBSCertList up to its times: version, signature, issuer. */
const TIMES_WITHIN = 5

/**
 * When the next list is due; OpenSSL refuses every certificate of the issuer after that.
 *
 * @param pem one block
 * @returns null if it does not say
 */
export function nextUpdate(pem: string): Date | null {
  try {
    const der = Buffer.from(pem.replaceAll(/-----[^-]+-----/g, ''), 'base64')
    const [list] = children(decode(der))
    if (list === undefined) return null
    const times = children(list)
      .slice(0, TIMES_WITHIN)
      .flatMap(element => readTime(element) ?? [])
    return times[1] ?? null
  } catch {
    return null
  }
}
