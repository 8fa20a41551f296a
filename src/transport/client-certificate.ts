/**
 * The certificate a client showed in its handshake, if there was one and it is good.
 *
 * Node tells the verdict of OpenSSL on it through the handle alone, unless a tls.Server made the socket. Where
 * it does not, no certificate is good: chains are not verified by hand.
 */
import { createHash, type X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'

export interface ClientCertificate {
  readonly certificate: X509Certificate
  /** SHA-256 of all of it, base64url: `x5t#S256` of RFC 8705 §3.1. */
  readonly thumbprint: string
}

type Verifying = TLSSocket & {
  readonly _handle?: { verifyError?(): (Error & { code?: string }) | null } | null
}

/**
 * @returns null if it showed none; a text if what it showed is not good, and why
 */
export function clientCertificateOf(socket: TLSSocket): ClientCertificate | string | null {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return null
  // oxlint-disable-next-line no-underscore-dangle -- Node's name for it
  const handle = (socket as Verifying)._handle
  if (typeof handle?.verifyError !== 'function') return 'this Node does not tell whether it is good'
  const error = handle.verifyError()
  if (error !== null && error !== undefined) return error.code ?? error.message
  const thumbprint = createHash('sha256').update(certificate.raw).digest('base64url')
  return { certificate, thumbprint }
}
