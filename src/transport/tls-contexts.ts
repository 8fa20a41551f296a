/**
 * The TLS contexts of one listener: which certificate for which name, with which ticket key.
 *
 * Node takes one ticket key per context, so there is a context per certificate and key; the gate has
 * seen the name of the key in the client's ticket and asks for the context that holds it.
 */
import { constants, createHash, X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { ClientAuthority } from '../config/client-authorities.ts'
import type { TlsProfile } from '../config/config.ts'
import type { CertificatePem, TicketSecrets } from '../config/messages.ts'
import { deriveTicketKey } from './tickets.ts'

/** Mozilla server-side TLS 6.0: ephemeral elliptic-curve (or hybrid) exchange and AEAD, nothing else. */
const TLS13_SUITES = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
]
const TLS12_SUITES = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
]
const GROUPS = 'X25519MLKEM768:X25519:prime256v1:secp384r1'

const OPTIONS =
  constants.SSL_OP_NO_RENEGOTIATION |
  constants.SSL_OP_NO_COMPRESSION |
  constants.SSL_OP_CIPHER_SERVER_PREFERENCE

/** RFC 8446 §4.6.1: a ticket lives 7 days at most. */
const TICKET_SECONDS_MAX = 7 * 86_400

export interface TlsContextOptions {
  /** Sets the tickets of this listener apart from those of another. */
  readonly listener: string
  readonly profile: TlsProfile
  readonly strictSni: boolean
  readonly ticketRotationMs: number
}

interface Entry {
  /** Current key first. */
  readonly contexts: readonly { readonly ticketName: string; readonly context: SecureContext }[]
}

export class TlsContexts {
  /** Of the last {@link pick}: the client's ticket was made with a key of the context. What is behind the name may be anything. */
  isTicketOurs = false
  readonly #options: TlsContextOptions
  #default: Entry | null = null
  #exact = new Map<string, Entry>()
  /** Under the suffix with its dot: `.example.org` for `*.example.org`. */
  #wildcard = new Map<string, Entry>()

  constructor(options: TlsContextOptions) {
    this.#options = options
  }

  /**
   * Takes new certificates, ticket keys or client authorities; sessions that run keep what they have.
   *
   * @param authority of client certificates; null asks for none
   * @throws if a pair cannot be used (main has checked them); nothing has changed then
   */
  load(
    certificates: readonly CertificatePem[],
    secrets: TicketSecrets,
    authority: ClientAuthority | null = null,
  ): void {
    const exact = new Map<string, Entry>()
    const wildcard = new Map<string, Entry>()
    let first: Entry | null = null
    for (const pem of certificates) {
      const entry = this.#entry(pem, secrets, authority)
      first ??= entry
      for (const name of certificateNames(pem.cert)) {
        const [names, key] = name.startsWith('*.') ? [wildcard, name.slice(1)] : [exact, name]
        // Of two certificates for one name the one that was named first stays.
        if (!names.has(key)) names.set(key, entry)
      }
    }
    this.#default = first
    this.#exact = exact
    this.#wildcard = wildcard
  }

  /**
   * The context to shake hands with.
   *
   * @param serverName from the ClientHello, lower case; '' for none
   * @param ticketName of the key of the client's ticket, hex; '' for none
   * @returns null if nothing covers the name and `strictSni` is on
   */
  pick(serverName: string, ticketName: string): SecureContext | null {
    const entry = this.#entryFor(serverName)
    this.isTicketOurs = false
    if (entry === null) return null
    const { contexts } = entry
    for (let i = 0; i < contexts.length; i++) {
      if (contexts[i]!.ticketName !== ticketName) continue
      this.isTicketOurs = true
      return contexts[i]!.context
    }
    return contexts[0]!.context
  }

  #entryFor(serverName: string): Entry | null {
    const exact = this.#exact.get(serverName)
    if (exact !== undefined) return exact
    // A wildcard stands for exactly one label (RFC 6125 §6.4.3).
    const dot = serverName.indexOf('.')
    const wildcard = dot === -1 ? undefined : this.#wildcard.get(serverName.slice(dot))
    if (wildcard !== undefined) return wildcard
    return this.#options.strictSni ? null : this.#default
  }

  #entry(
    { cert, key }: CertificatePem,
    secrets: TicketSecrets,
    authority: ClientAuthority | null,
  ): Entry {
    const { listener, profile, ticketRotationMs } = this.#options
    // With what clients are checked against: a session that is resumed is not checked again, and so none is
    // once an authority or what it revoked has changed.
    const checked = authority === null ? '' : `${authority.ca}\0${authority.crl}`
    const label = `${listener} ${createHash('sha256').update(cert).update(checked).digest('hex')}`
    const contexts = secrets.map(secret => {
      const ticketKey = deriveTicketKey(secret, label)
      const context = createSecureContext({
        cert,
        key,
        minVersion: profile === 'modern' ? 'TLSv1.3' : 'TLSv1.2',
        maxVersion: 'TLSv1.3',
        ciphers: [...TLS13_SUITES, ...(profile === 'modern' ? [] : TLS12_SUITES)].join(':'),
        ecdhCurve: GROUPS,
        honorCipherOrder: true,
        secureOptions: OPTIONS,
        sessionIdContext: createHash('sha256').update(label).digest('hex').slice(0, 32),
        // A ticket is of no use once its key is gone, after two rotations.
        sessionTimeout: Math.min(Math.ceil((2 * ticketRotationMs) / 1000), TICKET_SECONDS_MAX),
        ticketKeys: ticketKey.bytes,
        ...(authority === null ? {} : { ca: authority.ca }),
        ...(authority === null || authority.crl === '' ? {} : { crl: authority.crl }),
      })
      return { ticketName: ticketKey.name, context }
    })
    return { contexts }
  }
}

/** DNS names of the leaf, lower case. Addresses are not sent as SNI (RFC 6066 §3). */
function certificateNames(cert: string): string[] {
  const names = new X509Certificate(cert).subjectAltName ?? ''
  return [...names.matchAll(/DNS:([^,\s"]+)/g)].map(match => match[1]!.toLowerCase())
}
