/**
 * A development certificate authority, and the certificates it issues (RFC 5280).
 *
 * For development and tests: it has no revocation and no record of what it issued. An authority is
 * two PEM texts and nothing more, so one that was read from files is as good as one just made.
 */
import { createPublicKey, type KeyObject, randomBytes, X509Certificate } from 'node:crypto'
import {
  bits,
  children,
  contents,
  type Der,
  decode,
  dotted,
  encode,
  integer,
  sequence,
  smallInteger,
  tagged,
  time,
} from './der.ts'
import {
  authorityKeyIdentifier,
  basicConstraints,
  extendedKeyUsage,
  keyIdentifier,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from './extension.ts'
import {
  createKeyPair,
  type KeyPair,
  type KeyType,
  readSigningKey,
  signatureAlgorithm,
  signBytes,
  writeKeyPem,
} from './key-pair.ts'
import { writePem } from './pem.ts'
import { COMMON_NAME_MAX, canonicalNames, distinguishedName, type Subject } from './subject.ts'

/** A certificate with its key. */
export interface Issued {
  readonly certificatePem: string
  /** The certificate, then those of the authorities above it: what a server is given. */
  readonly chainPem: string
  /** PKCS#8, not encrypted. */
  readonly keyPem: string
}

interface Validity {
  /** One hour ago if absent, for clients whose clock is behind. */
  readonly notBefore?: Date | undefined
  readonly notAfter?: Date | undefined
}

interface Keying {
  /** Of the key that is made; `ec` if absent. */
  readonly keyType?: KeyType | undefined
  /** A key to use again; none is made then. */
  readonly keyPem?: string | undefined
}

export interface AuthorityOptions extends Validity, Keying {
  /** Common name; `weir development CA` if absent. */
  readonly name?: string | undefined
  /** The authority above; absent for a root, which signs itself. */
  readonly issuer?: Issued | undefined
  /** How many authorities may stand between this one and a leaf; 0 if absent. */
  readonly pathLength?: number | undefined
}

export interface LeafOptions extends Validity, Keying {
  /** DNS names (`*.` in front is allowed) and IP addresses. The first is the common name too. */
  readonly names: readonly string[]
  /** Whether it also serves to log in at a server that asks for a certificate. */
  readonly clientAuth?: boolean | undefined
}

/** The common name of an authority that was given none, by which weir knows its own. */
export const AUTHORITY_NAME = 'weir development CA'
const AUTHORITY_DAYS = 3650
const LEAF_DAYS = 90

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const SERIAL_BYTES = 16
const CLIENT_TOO = ['clientAuth'] as const
const SUBJECT_KEY_IDENTIFIER = '2.5.29.14'

/** An authority as the certificates it issues name it: byte for byte as in its own. */
interface Signer {
  readonly name: Der
  readonly keyIdentifier: Uint8Array
  readonly privateKey: KeyObject
}

/** What is to be certified. */
interface Draft {
  readonly subject: Der
  readonly publicKey: KeyObject
  readonly notBefore: Date
  readonly notAfter: Date
  readonly extensions: readonly Der[]
}

/** @throws RangeError if an option is out of its bounds */
export function createAuthority(options: AuthorityOptions = {}): Issued {
  const { publicKey, privateKey } = keyPairFor(options)
  const { notBefore, notAfter } = validity(options, AUTHORITY_DAYS, options.issuer)
  const name = distinguishedName({ commonName: options.name ?? AUTHORITY_NAME })
  const ownIdentifier = keyIdentifier(publicKey)
  const signer =
    options.issuer === undefined
      ? { name, keyIdentifier: ownIdentifier, privateKey }
      : readSigner(options.issuer)

  const certificatePem = signCertificate(signer, {
    subject: name,
    publicKey,
    notBefore,
    notAfter,
    extensions: [
      basicConstraints(options.pathLength ?? 0),
      keyUsage('keyCertSign', 'cRLSign'),
      subjectKeyIdentifier(ownIdentifier),
      authorityKeyIdentifier(signer.keyIdentifier),
    ],
  })
  const above = options.issuer?.chainPem ?? ''
  return { certificatePem, chainPem: certificatePem + above, keyPem: writeKeyPem(privateKey) }
}

/**
 * A server certificate, at most as long valid as its authority unless `notAfter` says otherwise.
 *
 * @throws RangeError if a name is neither a DNS name nor an IP address, or the validity is empty
 */
export function issueLeaf(authority: Issued, options: LeafOptions): Issued {
  const names = canonicalNames(options.names)
  const { publicKey, privateKey } = keyPairFor(options)
  const { notBefore, notAfter } = validity(options, LEAF_DAYS, authority)
  const signer = readSigner(authority)
  const subject = subjectFor(names)

  const certificatePem = signCertificate(signer, {
    subject: distinguishedName(subject),
    publicKey,
    notBefore,
    notAfter,
    extensions: [
      basicConstraints(),
      // Enough for every suite with forward secrecy; static RSA would need keyEncipherment.
      keyUsage('digitalSignature'),
      extendedKeyUsage('serverAuth', ...(options.clientAuth === true ? CLIENT_TOO : [])),
      subjectAltName(names, subject.commonName === undefined),
      subjectKeyIdentifier(keyIdentifier(publicKey)),
      authorityKeyIdentifier(signer.keyIdentifier),
    ],
  })
  return {
    certificatePem,
    chainPem: certificatePem + authority.chainPem,
    keyPem: writeKeyPem(privateKey),
  }
}

function keyPairFor({ keyType, keyPem }: Keying): KeyPair {
  if (keyPem === undefined) return createKeyPair(keyType ?? 'ec')
  const privateKey = readSigningKey(keyPem)
  return { publicKey: createPublicKey(privateKey), privateKey }
}

/** The first name as common name, if it is not too long for one. */
function subjectFor(names: readonly string[]): Subject {
  const first = names[0]
  return first !== undefined && first.length <= COMMON_NAME_MAX ? { commonName: first } : {}
}

function validity(options: Validity, days: number, issuer: Issued | undefined) {
  const notBefore = options.notBefore ?? new Date(Date.now() - HOUR_MS)
  let notAfter = options.notAfter
  if (notAfter === undefined) {
    notAfter = new Date(notBefore.getTime() + days * DAY_MS)
    const end = issuer && new X509Certificate(issuer.certificatePem).validToDate
    // An authority that ended already cannot bound the range: it would be empty.
    if (end !== undefined && end > notBefore && end < notAfter) notAfter = end
  }
  // Written so that an invalid date, which compares false, is refused as well.
  if (!(notBefore < notAfter)) {
    throw new RangeError(
      `the validity from ${dateText(notBefore)} to ${dateText(notAfter)} is empty: ` +
        'notBefore must be before notAfter',
    )
  }
  return { notBefore, notAfter }
}

function dateText(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'an invalid date' : date.toISOString()
}

/** @throws RangeError if its key is of a type weir does not sign with */
function readSigner(authority: Issued): Signer {
  const certificate = new X509Certificate(authority.certificatePem)
  const [body] = children(decode(certificate.raw))
  const parts = body === undefined ? [] : [...children(body)]
  // Version 1 certificates leave out the version, the only part with tag [0].
  if (parts[0]?.type === 0) parts.shift()
  const name = parts[4]
  if (name === undefined) throw new RangeError('the authority certificate has no subject')
  return {
    name,
    keyIdentifier: ownKeyIdentifier(parts) ?? keyIdentifier(certificate.publicKey),
    privateKey: readSigningKey(authority.keyPem),
  }
}

/** What the authority's certificate calls its key, if it calls it anything: not all use SHA-1. */
function ownKeyIdentifier(parts: readonly Der[]): Buffer | undefined {
  const last = parts.at(-1)
  // Extensions come last, under tag [3]; certificates of version 1 have none.
  const [extensions] = last?.type === 3 ? children(last) : []
  for (const extension of extensions === undefined ? [] : children(extensions)) {
    const fields = children(extension)
    if (fields[0] === undefined || dotted(fields[0]) !== SUBJECT_KEY_IDENTIFIER) continue
    return contents(decode(contents(fields.at(-1)!)))
  }
  return undefined
}

function signCertificate(signer: Signer, draft: Draft): string {
  const algorithm = signatureAlgorithm(signer.privateKey)
  const body = sequence(
    tagged(0, smallInteger(2)), // version 3, counted from 0
    integer(randomSerial()),
    algorithm,
    signer.name,
    sequence(time(draft.notBefore), time(draft.notAfter)),
    draft.subject,
    decode(draft.publicKey.export({ type: 'spki', format: 'der' })),
    tagged(3, sequence(...draft.extensions)),
  )
  const signature = signBytes(encode(body), signer.privateKey)
  return writePem('CERTIFICATE', encode(sequence(body, algorithm, bits(signature))))
}

/** Positive, of constant length, and with 126 random bits (RFC 5280 §4.1.2.2 asks for unique). */
function randomSerial(): Buffer {
  const serial = randomBytes(SERIAL_BYTES)
  serial[0] = (serial[0]! & 0x7f) | 0x40
  return serial
}
