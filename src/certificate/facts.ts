/** What one certificate says, read by node:crypto; node-forge cannot read elliptic curve keys. */
import type { KeyObject, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'

export interface CertificateFacts {
  /** On one line, such as `CN=www.example.com, O=Example`; empty if there is none. */
  readonly subject: string
  readonly issuer: string
  /** For people only: clients look at `names`. Empty if there is none. */
  readonly commonName: string
  /** DNS names in lower case and IP addresses, from the subject alternative names. */
  readonly names: readonly string[]
  /** Hexadecimal. */
  readonly serial: string
  readonly notBefore: Date
  readonly notAfter: Date
  /** `ec`, `rsa`, `ed25519`, …; `unknown` if the key cannot be read. */
  readonly keyType: string
  /** The curve (`P-256`), or the size in bits of an RSA key (`2048`); empty where neither applies. */
  readonly keyDetail: string
  readonly signatureAlgorithm: string
  /** SHA-256 of the whole certificate, hexadecimal with colons. */
  readonly fingerprint: string
  readonly isAuthority: boolean
  readonly isSelfSigned: boolean
}

/** OpenSSL's names for the curves everyone else knows by those of NIST. */
const curveNames: Readonly<Record<string, string>> = {
  prime256v1: 'P-256',
  secp224r1: 'P-224',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
}

/** One `DNS:…` of OpenSSL's list; Node quotes a name that could be mistaken for two. */
const ALTERNATIVE_NAME = /(?:^|, )(DNS|IP Address):("(?:[^"\\]|\\.)*"|[^,]*)/g

/** Control and formatting characters: a terminal would obey them. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\u2028\u2029]/gu

export function readFacts(certificate: X509Certificate): CertificateFacts {
  const key = publicKeyOf(certificate)
  const subject = oneLine(certificate.subject)
  return {
    subject,
    issuer: oneLine(certificate.issuer),
    commonName: commonName(certificate.subject),
    names: alternativeNames(certificate.subjectAltName),
    serial: certificate.serialNumber,
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
    keyType: key?.asymmetricKeyType ?? 'unknown',
    keyDetail: keyDetail(key),
    signatureAlgorithm: certificate.signatureAlgorithm ?? certificate.signatureAlgorithmOid,
    fingerprint: certificate.fingerprint256,
    isAuthority: certificate.ca,
    isSelfSigned: isIssuedBy(certificate, certificate),
  }
}

/**
 * Whether `issuer` signed it. `X509Certificate.checkIssued()` would not do: it also asks whether the
 * issuer may sign, and says no for most self-signed server certificates.
 */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  if (certificate.issuer !== issuer.subject) return false
  try {
    return certificate.verify(issuer.publicKey)
  } catch {
    // A key of another kind than the signature, or one OpenSSL cannot read.
    return false
  }
}

/** The public key, or undefined if it is of a kind OpenSSL does not know, or broken. */
function publicKeyOf(certificate: X509Certificate): KeyObject | undefined {
  try {
    return certificate.publicKey
  } catch {
    return undefined
  }
}

/** `EC P-256`, `RSA 2048 bits`, `ED25519`. */
export function describeKey(facts: CertificateFacts): string {
  const type = facts.keyType.toUpperCase()
  if (facts.keyDetail === '') return type
  return facts.keyType.startsWith('rsa')
    ? `${type} ${facts.keyDetail} bits`
    : `${type} ${facts.keyDetail}`
}

function keyDetail(key: KeyObject | undefined): string {
  const { namedCurve, modulusLength } = key?.asymmetricKeyDetails ?? {}
  if (namedCurve !== undefined) return curveNames[namedCurve] ?? namedCurve
  return modulusLength === undefined ? '' : String(modulusLength)
}

/** Node writes one attribute per line. */
function oneLine(name: string | undefined): string {
  return (name ?? '').split('\n').map(escapeUnprintable).join(', ')
}

function commonName(name: string | undefined): string {
  const line = (name ?? '').split('\n').find(part => part.startsWith('CN='))
  return escapeUnprintable(line?.slice(3) ?? '')
}

function alternativeNames(list: string | undefined): string[] {
  const names: string[] = []
  for (const [, , value = ''] of (list ?? '').matchAll(ALTERNATIVE_NAME)) {
    const name = value.startsWith('"') ? unquote(value) : value
    names.push(isIP(name) === 6 ? compressed(name) : escapeUnprintable(name.toLowerCase()))
  }
  return names
}

function unquote(text: string): string {
  try {
    return String(JSON.parse(text))
  } catch {
    return text
  }
}

/** OpenSSL writes all eight groups. */
function compressed(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1)
}

function escapeUnprintable(text: string): string {
  return text.replace(
    UNPRINTABLE,
    character => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  )
}
