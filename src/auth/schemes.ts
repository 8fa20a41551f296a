/** Which scheme judges a request, of those that a policy lets in any one of. */
import type { RequestHead } from '../codec/http1/request-head.ts'
import { ADMITTED, refusal } from '../core/refusals.ts'
import type { PeerIdentity } from './peer-identity.ts'
import type { Scheme } from './scheme.ts'

const MISSING = refusal('credential-missing')
const AMBIGUOUS = refusal('credential-ambiguous')

/** What a request brought; one for each worker, filled anew by each search. */
export interface Found {
  /** null if there is nothing. */
  scheme: Scheme | null
  credential: string
}

/**
 * Finds the credential of a request and the scheme that is to judge it: the first that recognises it, else
 * the last that could read it. Two credentials that differ are refused: the backend might believe the one
 * that was not looked at.
 *
 * @returns 0, or the number of a rejection
 */
export function findAny(
  schemes: readonly Scheme[],
  head: RequestHead,
  peer: PeerIdentity | null,
  found: Found,
): number {
  found.scheme = null
  found.credential = ''
  let recognised = false
  for (let i = 0; i < schemes.length; i++) {
    const scheme = schemes[i]!
    const credential = scheme.find(head, peer)
    if (typeof credential === 'number') return credential
    if (credential === '') continue
    // A certificate is of the connection: what a request itself brings goes before it, and is no contradiction.
    if (scheme.name === 'mtls' && found.scheme !== null) continue
    if (found.scheme !== null && credential !== found.credential) return AMBIGUOUS
    found.credential = credential
    if (recognised) continue
    found.scheme = scheme
    recognised = scheme.recognises(credential)
  }
  return found.scheme === null ? MISSING : ADMITTED
}
