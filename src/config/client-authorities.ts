/** The files that client certificates are checked against: read by main, and again when they change. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { readPem } from '../certificate/pem.ts'
import type { ClientCertificateConfig, ListenerConfig } from './config.ts'
import type { Problem } from './flag.ts'
import { explainRead } from './read-error.ts'

/** PEM. */
export interface ClientAuthority {
  readonly ca: string
  /** '' for none. */
  readonly crl: string
}

/** By listener; null for those that ask for no certificate. */
export type ClientAuthorities = readonly (ClientAuthority | null)[]

/** Adds to `problems` what keeps weir from starting. */
export function loadClientAuthorities(
  listeners: readonly ListenerConfig[],
  problems: Problem[],
): ClientAuthorities {
  return listeners.map(({ clientCertificates: config }) => {
    if (config === null) return null
    const read = readClientAuthority(config)
    if ('where' in read) problems.push(read)
    return 'where' in read ? null : read
  })
}

export function readClientAuthority({
  ca,
  crl,
}: ClientCertificateConfig): ClientAuthority | Problem {
  const authorities = readLabelled(ca, 'CERTIFICATE', 'certificate')
  if (typeof authorities === 'string') {
    return { where: '--client-ca', message: `${ca} ${authorities}` }
  }
  const lists = crl === '' ? { pem: '' } : readLabelled(crl, 'X509 CRL', 'revocation list')
  if (typeof lists === 'string') return { where: '--client-crl', message: `${crl} ${lists}` }
  const read = { ca: authorities.pem, crl: lists.pem }
  const wrong = whyUnusable(read)
  if (wrong === '') return read
  const [where, file] = wrong.includes('CRL') ? ['--client-crl', crl] : ['--client-ca', ca]
  return { where, message: `${file} cannot be used: ${wrong}` }
}

/** Asks OpenSSL, as the workers will. */
function whyUnusable({ ca, crl }: ClientAuthority): string {
  try {
    const { raw } = new X509Certificate(ca)
    if (raw.length === 0) return 'empty certificate'
    createSecureContext({ ca, ...(crl === '' ? {} : { crl }) })
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

/** @returns why it will not do, as the rest of a sentence that begins with the path */
function readLabelled(path: string, label: string, name: string): { pem: string } | string {
  try {
    const pem = readFileSync(path, 'utf8')
    const blocks = readPem(pem).filter(block => block.label === label)
    if (blocks.length === 0) return `holds no PEM ${name}`
    return blocks.every(({ isWhole }) => isWhole)
      ? { pem }
      : `holds a ${name} that is cut off; copy the file again`
  } catch (error) {
    return explainRead(error)
  }
}
