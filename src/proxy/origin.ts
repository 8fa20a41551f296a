/**
 * Where the requests of one connection come from, and how backends are told.
 *
 * The lines that say it are the same for each request of a connection to the same host, so they are
 * built once and kept: what is left per request is one comparison.
 */
import type { Head } from '../codec/http1/head.ts'
import { X_REQUEST_ID } from '../codec/http1/field-names.ts'
import { ADDRESS_WORDS, parseAddress } from '../core/address.ts'
import type { CidrSet } from '../core/cidr-set.ts'
import type { Forwarding } from './forwarding.ts'
import { RepeatedLines } from './repeated-lines.ts'
import type { TcpSession } from './tcp-session.ts'

const REQUEST_ID_MAX = 128

export interface OriginParts {
  /** Of the peer, or of the client its PROXY header names. */
  readonly address: string
  readonly proto: 'http' | 'https'
  /** Proxies whose word counts, if the peer is one of them; else null. */
  readonly forwarders: CidrSet | null
  readonly forwarding: Forwarding
}

export class Origin {
  /** Without the zone, which means nothing to a backend. */
  readonly address: string
  readonly proto: 'http' | 'https'
  readonly forwarders: CidrSet | null
  readonly forwarding: Forwarding
  readonly repeated = new RepeatedLines()
  /** Whom the two below are for; no host is called as it is at first. */
  #host = '\n'
  #lines = ''
  #element = ''

  constructor({ address, proto, forwarders, forwarding }: OriginParts) {
    const zone = address.indexOf('%')
    this.address = zone === -1 ? address : address.slice(0, zone)
    this.proto = proto
    this.forwarders = forwarders
    this.forwarding = forwarding
  }

  /**
   * The lines of a client that is the peer itself.
   *
   * @param host whom it asked for: an authority, or '' if it did not say
   */
  lines(host: string): string {
    if (host !== this.#host) this.#prepare(host)
    return this.#lines
  }

  /** The peer's own element of Forwarded, RFC 7239 §4. */
  element(host: string): string {
    if (host !== this.#host) this.#prepare(host)
    return this.#element
  }

  /** The request's id if the peer may give it one, and gave a good one; else ''. */
  keptRequestId(head: Head): string {
    if (this.forwarders === null) return ''
    const field = head.only(X_REQUEST_ID)
    if (field < 0) return ''
    const id = head.value(field)
    return isRequestId(id) ? id : ''
  }

  #prepare(host: string): void {
    this.#host = host
    this.#element = this.#elementFor(host)
    this.#lines = this.#linesFor(host)
  }

  #linesFor(host: string): string {
    let lines = ''
    if (this.forwarding.sendsXForwarded) {
      lines += `X-Forwarded-For: ${this.address}\r\nX-Forwarded-Proto: ${this.proto}\r\n`
      if (host !== '') lines += `X-Forwarded-Host: ${host}\r\n`
    }
    if (this.forwarding.sendsForwarded) lines += `Forwarded: ${this.#element}\r\n`
    return lines
  }

  #elementFor(host: string): string {
    const element = `${forNode(this.address)};proto=${this.proto}`
    if (host === '') return element
    // A port or brackets are no token (RFC 9110 §5.6.2).
    return `${element};host=${host.includes(':') ? `"${host}"` : host}`
  }
}

/** Of the requests of a connection. */
export function originOf({ address, edge, entrance, handshake }: TcpSession): Origin {
  return new Origin({
    address,
    proto: handshake === null ? 'http' : 'https',
    forwarders: isForwarder(address, entrance.forwarders) ? entrance.forwarders : null,
    forwarding: edge.forwarding,
  })
}

/** Whether what the peer says of the client counts: it is a proxy the operator named. */
function isForwarder(address: string, forwarders: CidrSet | null): boolean {
  if (forwarders === null) return false
  const words = new Int32Array(ADDRESS_WORDS)
  return parseAddress(address, words) && forwarders.find(words) !== 0
}

/** `for=` and an address without a zone, RFC 7239 §6. */
export function forNode(address: string): string {
  return address.includes(':') ? `for="[${address}]"` : `for=${address}`
}

/** What may stand in a log line, a URL and a shell without quotes. */
function isRequestId(id: string): boolean {
  if (id.length === 0 || id.length > REQUEST_ID_MAX) return false
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i)
    const letter = (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a
    // Digits and + - . / : = @ _ ~, what UUIDs, base64 and ids of other proxies are made of.
    if (!letter && !(code >= 0x2d && code <= 0x3a) && !'+=@_~'.includes(id.charAt(i))) return false
  }
  return true
}
