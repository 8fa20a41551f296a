/**
 * What is right and wrong with a certificate chain and its key, for `weir cert inspect` and before
 * weir serves with them.
 *
 * An `error` means TLS cannot be served with this; a `warning` means it can, and that clients will
 * or may object: an expired certificate is a warning, because serving beats not serving.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { orderProblems, strengthProblems, validityProblems } from './chain.ts'
import { type CertificateFacts, readFacts } from './facts.ts'
import { leafProblems } from './leaf.ts'
import { describeLabels, type PemBlock, readPem } from './pem.ts'
import { type CertificateProblem, certificateTitle, error } from './problem.ts'

export interface Inspection {
  /** In the order of the file; the first is the one for the server, the leaf. */
  readonly chain: readonly CertificateFacts[]
  /** Errors first; empty if all is well. */
  readonly problems: readonly CertificateProblem[]
}

export interface InspectOptions {
  /** Warn when fewer days than this are left; 14 if absent. */
  readonly expiryWarningDays?: number | undefined
}

const EXPIRY_WARNING_DAYS = 14
const PRIVATE_KEY = /^(?:(?:EC|RSA|DSA|ENCRYPTED) )?PRIVATE KEY$/

/**
 * Never throws: what cannot be read is a problem.
 *
 * @param certificatePem the certificate and the authorities above it, in that order
 * @param keyPem         undefined to look at the certificates alone
 */
export function inspectCertificate(
  certificatePem: string,
  keyPem: string | undefined,
  now: Date,
  options: InspectOptions = {},
): Inspection {
  const problems: CertificateProblem[] = []
  const certificates = readCertificates(certificatePem, problems)
  const chain = certificates.map(readFacts)
  const key = keyPem === undefined ? undefined : readKey(keyPem, problems)

  const [leaf] = certificates
  if (leaf !== undefined) {
    if (key !== undefined) problems.push(...pairProblems(certificates, chain, key))
    problems.push(...leafProblems(leaf, chain))
  }
  const warningDays = options.expiryWarningDays ?? EXPIRY_WARNING_DAYS
  problems.push(...validityProblems(chain, now, warningDays), ...strengthProblems(chain))
  problems.push(...orderProblems(certificates, chain))
  problems.sort((a, b) => rank(a) - rank(b))
  return { chain, problems }
}

function rank(problem: CertificateProblem): number {
  return problem.severity === 'error' ? 0 : 1
}

function readCertificates(pem: string, problems: CertificateProblem[]): X509Certificate[] {
  const blocks = readPem(pem)
  const wanted = blocks.filter(block => block.label === 'CERTIFICATE')
  if (wanted.length === 0) {
    problems.push(
      error(
        'certificate-missing',
        `no certificate in the certificate file (it holds ${describeLabels(blocks)}): give a PEM ` +
          'file with -----BEGIN CERTIFICATE-----; `openssl x509 -inform der` converts from DER',
      ),
    )
  }
  const certificates: X509Certificate[] = []
  for (const [i, block] of wanted.entries()) {
    const certificate = readCertificate(block)
    if (certificate === undefined) {
      problems.push(
        error(
          'certificate-unreadable',
          `certificate ${i + 1} of ${wanted.length} cannot be read` +
            `${block.isWhole ? '' : ': its END line is missing'}: copy the file again`,
        ),
      )
    } else {
      certificates.push(certificate)
    }
  }
  return certificates
}

function readCertificate(block: PemBlock): X509Certificate | undefined {
  if (!block.isWhole) return undefined
  try {
    return new X509Certificate(block.text)
  } catch {
    return undefined
  }
}

function readKey(pem: string, problems: CertificateProblem[]): KeyObject | undefined {
  const blocks = readPem(pem)
  const block = blocks.find(({ label }) => PRIVATE_KEY.test(label))
  if (block === undefined) {
    problems.push(
      error(
        'key-missing',
        `no private key in the key file (it holds ${describeLabels(blocks)}): give a PEM file ` +
          'with -----BEGIN PRIVATE KEY-----',
      ),
    )
    return undefined
  }
  // PKCS#8 says so in its label, the older forms in a header line.
  if (block.label.startsWith('ENCRYPTED') || block.text.includes('Proc-Type: 4,ENCRYPTED')) {
    problems.push(
      error(
        'key-encrypted',
        'the private key is encrypted, and weir has no way to ask for its passphrase: ' +
          'decrypt it with `openssl pkey`, and let only its owner read the file',
      ),
    )
    return undefined
  }
  try {
    return createPrivateKey(block.text)
  } catch {
    problems.push(
      error(
        'key-unreadable',
        `the private key (${block.label}) cannot be read: copy the file again, ` +
          'or check it with `openssl pkey -noout`',
      ),
    )
    return undefined
  }
}

function pairProblems(
  certificates: readonly X509Certificate[],
  chain: readonly CertificateFacts[],
  key: KeyObject,
): CertificateProblem[] {
  const owner = certificates.findIndex(certificate => isPair(certificate, key))
  if (owner === 0) return []
  const remedy =
    owner === -1
      ? 'give the key this certificate was requested with'
      : `it belongs to ${certificateTitle(chain, owner)}: put that one first in the file`
  return [
    error(
      'key-mismatch',
      `the private key does not match ${certificateTitle(chain, 0)}: ${remedy}`,
    ),
  ]
}

function isPair(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.checkPrivateKey(key)
  } catch {
    return false
  }
}
