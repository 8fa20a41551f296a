/** Client certificates as a scheme: the handshake has verified it, so that there is little left to judge. */
import { refusal } from '../core/refusals.ts'
import type { RequestHead } from '../codec/http1/request-head.ts'
import type { PeerIdentity } from './peer-identity.ts'
import type { Scheme, Verdict } from './scheme.ts'

const UNTRUSTED = refusal('certificate-untrusted')

export class Mtls implements Scheme {
  readonly name = 'mtls'

  find(_: RequestHead, peer: PeerIdentity | null): string {
    return peer === null ? '' : peer.thumbprint
  }

  recognises(): boolean {
    return false
  }

  check(_: string, nowSeconds: number, peer: PeerIdentity | null): Verdict {
    // A connection may outlast its certificate.
    if (peer === null || peer.identity.expiresAt <= nowSeconds) return UNTRUSTED
    return peer.identity
  }
}
