/** Certificate signing requests (PKCS#10, RFC 2986), to be signed by a certificate authority. */
import { bits, encode, identifier, sequence, set, smallInteger, tagged, decode } from './der.ts'
import { subjectAltName } from './extension.ts'
import {
  createKeyPair,
  type KeyType,
  signatureAlgorithm,
  signBytes,
  writeKeyPem,
} from './key-pair.ts'
import { writePem } from './pem.ts'
import { COMMON_NAME_MAX, canonicalNames, distinguishedName, type Subject } from './subject.ts'

export interface RequestOptions {
  /** The first name is the common name, if there is none here and it is short enough. */
  readonly subject?: Subject | undefined
  /** DNS names (`*.` in front is allowed) and IP addresses. */
  readonly names: readonly string[]
  readonly keyType?: KeyType | undefined
}

export interface CertificateRequest {
  readonly csrPem: string
  /** PKCS#8, not encrypted. */
  readonly keyPem: string
}

/** PKCS#9 `extensionRequest` (RFC 2985 §5.4.2): extensions the certificate shall have. */
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14'

/** @throws RangeError if a name or a part of the subject is out of its bounds */
export function createRequest(options: RequestOptions): CertificateRequest {
  const names = canonicalNames(options.names)
  const subject = { ...options.subject }
  const [first] = names
  if (subject.commonName === undefined && first !== undefined && first.length <= COMMON_NAME_MAX) {
    subject.commonName = first
  }
  const subjectName = distinguishedName(subject)
  const { publicKey, privateKey } = createKeyPair(options.keyType ?? 'ec')

  const extensions = sequence(subjectAltName(names))
  const body = sequence(
    smallInteger(0),
    subjectName,
    decode(publicKey.export({ type: 'spki', format: 'der' })),
    tagged(0, sequence(identifier(EXTENSION_REQUEST), set(extensions))),
  )
  const signature = bits(signBytes(encode(body), privateKey))
  const request = sequence(body, signatureAlgorithm(privateKey), signature)
  return {
    csrPem: writePem('CERTIFICATE REQUEST', encode(request)),
    keyPem: writeKeyPem(privateKey),
  }
}
