/**
 * Who a client is by the certificate it showed in its handshake, which was verified by then.
 *
 * Its subject is what its owner is called in it: the URI of its alternative names (SPIFFE has them), else its
 * common name. All of its names are claims, for routes that ask for more than a certificate of the authority.
 */
import type { X509Certificate } from 'node:crypto'
import type { Identity } from './identity.ts'

export interface PeerIdentity {
  /** SHA-256 of the certificate, base64url: what tokens are bound to (RFC 8705 §3.1). */
  readonly thumbprint: string
  readonly identity: Identity
}

const KEY_ID_CHARACTERS = 16

export interface ShownCertificate {
  readonly certificate: X509Certificate
  readonly thumbprint: string
}

export function identifyPeer({ certificate, thumbprint }: ShownCertificate): PeerIdentity {
  const names = alternativeNames(certificate.subjectAltName ?? '')
  const commonName = commonNameOf(certificate.subject)
  const of = (kind: string): string[] => names.filter(each => each.kind === kind).map(nameOf)
  const uris = of('URI')
  const identity: Identity = {
    scheme: 'mtls',
    subject: uris[0] ?? commonName,
    client: '',
    scopes: [],
    claims: {
      cn: commonName,
      uri: uris,
      dns: of('DNS'),
      email: of('email'),
      ip: of('IP Address'),
      serial: certificate.serialNumber,
      issuer: certificate.issuer.replaceAll('\n', ', '),
      fingerprint: thumbprint,
    },
    keyId: thumbprint.slice(0, KEY_ID_CHARACTERS),
    expiresAt: Math.floor(certificate.validToDate.getTime() / 1000),
  }
  return { thumbprint, identity }
}

interface AlternativeName {
  readonly kind: string
  readonly name: string
}

function nameOf({ name }: AlternativeName): string {
  return name
}

/**
 * Node's text of the alternative names: `DNS:a.example, URI:"a, b"`. Names that hold what could be taken for
 * the beginning of another are JSON strings in it.
 */
export function alternativeNames(text: string): AlternativeName[] {
  const names: AlternativeName[] = []
  for (const match of text.matchAll(/(?:^|, )([A-Za-z0-9 ]+):("(?:[^"\\]|\\.)*"|[^,"]*)/gy)) {
    const [, kind = '', written = ''] = match
    const name = written.startsWith('"') ? unquote(written) : written
    if (name !== null) names.push({ kind, name })
  }
  return names
}

function unquote(written: string): string | null {
  try {
    return JSON.parse(written) as string
  } catch {
    return null
  }
}

/** @returns '' unless there is one, and one alone */
function commonNameOf(subject: string): string {
  const names = subject.split('\n').filter(line => line.startsWith('CN='))
  return names.length === 1 ? names[0]!.slice(3) : ''
}
