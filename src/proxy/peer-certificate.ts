/** What the certificate that a client showed makes of it: somebody, nobody, or one to refuse. */
import type { TLSSocket } from 'node:tls'
import { identifyPeer, type PeerIdentity } from '../auth/peer-identity.ts'
import { ADMITTED, refusal } from '../core/refusals.ts'
import { clientCertificateOf } from '../transport/client-certificate.ts'
import type { Entrance } from './edge.ts'

const CERTIFICATE_MISSING = refusal('certificate-missing')
const CERTIFICATE_UNTRUSTED = refusal('certificate-untrusted')

export interface PeerCertificate {
  /** null if it showed none. */
  readonly identity: PeerIdentity | null
  /** 0, or the refusal of a client whose certificate is not good, or not there. */
  readonly refused: number
  /** What is wrong with it. */
  readonly cause: string
}

/**
 * @param socket after its handshake
 * @param wanted whether clients are asked for one, and must have it
 */
export function readPeerCertificate(
  socket: TLSSocket,
  wanted: Entrance['clientCertificate'],
): PeerCertificate {
  if (wanted === 'none') return NOBODY
  const shown = clientCertificateOf(socket)
  if (typeof shown === 'string') {
    return { identity: null, refused: CERTIFICATE_UNTRUSTED, cause: shown }
  }
  if (shown === null) return wanted === 'required' ? MISSING : NOBODY
  const identity = identifyPeer(shown)
  // A session that is resumed keeps the verdict of its first handshake, and may outlast the certificate.
  if (identity.identity.expiresAt <= Date.now() / 1000) {
    return { identity: null, refused: CERTIFICATE_UNTRUSTED, cause: 'CERT_HAS_EXPIRED' }
  }
  return { identity, refused: ADMITTED, cause: '' }
}

const NOBODY: PeerCertificate = { identity: null, refused: ADMITTED, cause: '' }
const MISSING: PeerCertificate = { identity: null, refused: CERTIFICATE_MISSING, cause: '' }
