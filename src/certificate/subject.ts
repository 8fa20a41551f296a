/** Distinguished names (RFC 5280 §4.1.2.4) and the host names a certificate is for (§4.2.1.6). */
import { isIP, isIPv4 } from 'node:net'
import { type Der, identifier, printable, sequence, set, taggedBytes, utf8 } from './der.ts'

export interface Subject {
  /** At most 64 characters. Only a label: clients look at the names. */
  readonly commonName?: string | undefined
  /** At most 64 characters. */
  readonly organization?: string | undefined
  /** At most 64 characters. */
  readonly organizationalUnit?: string | undefined
  /** At most 128 characters. */
  readonly locality?: string | undefined
  /** At most 128 characters. */
  readonly state?: string | undefined
  /** Two capital letters (ISO 3166-1). */
  readonly country?: string | undefined
}

/** The longest common name RFC 5280 allows (`ub-common-name`). */
export const COMMON_NAME_MAX = 64

/** In the order they are written: the widest first, as certificate authorities do. */
const attributes = [
  { field: 'country', oid: '2.5.4.6', max: 2 },
  { field: 'state', oid: '2.5.4.8', max: 128 },
  { field: 'locality', oid: '2.5.4.7', max: 128 },
  { field: 'organization', oid: '2.5.4.10', max: 64 },
  { field: 'organizationalUnit', oid: '2.5.4.11', max: 64 },
  { field: 'commonName', oid: '2.5.4.3', max: COMMON_NAME_MAX },
] as const satisfies readonly { field: keyof Subject; oid: string; max: number }[]

const DNS_NAME_MAX = 253
const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/
const COUNTRY = /^[A-Z]{2}$/
const TAG_DNS_NAME = 2
const TAG_IP_ADDRESS = 7

/** @throws RangeError if a part is empty, too long, or not a country code */
export function distinguishedName(subject: Subject): Der {
  const parts: Der[] = []
  for (const { field, oid, max } of attributes) {
    const value = subject[field]
    if (value === undefined) continue
    if (value.length === 0 || value.length > max) {
      throw new RangeError(
        `${field} '${value}' has ${value.length} characters: it takes 1 to ${max}`,
      )
    }
    if (field === 'country' && !COUNTRY.test(value)) {
      throw new RangeError(`country '${value}' is not two capital letters: write it like DE or US`)
    }
    const text = field === 'country' ? printable(value) : utf8(value)
    parts.push(set(sequence(identifier(oid), text)))
  }
  return sequence(...parts)
}

/**
 * The canonical spelling of a DNS name (`*.` in front is allowed) or an IP address: lower case, no
 * dot at the end, IPv6 compressed.
 *
 * @throws RangeError if it is neither
 */
export function canonicalName(name: string): string {
  const text = name.toLowerCase()
  if (isIPv4(text)) return text
  if (isIP(text) === 6 && !text.includes('%')) {
    // The URL parser is the one in Node that spells an IPv6 address canonically.
    return new URL(`http://[${text}]`).hostname.slice(1, -1)
  }
  const host = text.endsWith('.') ? text.slice(0, -1) : text
  const labels = host.startsWith('*.') ? host.slice(2).split('.') : host.split('.')
  // A number at the end would be read as a broken IPv4 address.
  const isNumeric = /^\d+$/.test(labels.at(-1) ?? '')
  if (host.length > DNS_NAME_MAX || isNumeric || !labels.every(label => LABEL.test(label))) {
    throw new RangeError(
      `name '${name}' is neither a DNS name nor an IP address: ` +
        'use letters, digits and hyphens (xn--… for others), like www.example.com, *.example.com or ::1',
    )
  }
  return host
}

/**
 * The canonical names, each once.
 *
 * @throws RangeError if there is none, or one is neither a DNS name nor an IP address
 */
export function canonicalNames(names: readonly string[]): string[] {
  if (names.length === 0) {
    throw new RangeError('no name for the certificate: give at least one, like localhost')
  }
  return [...new Set(names.map(canonicalName))]
}

/** @param names canonical */
export function generalNames(names: readonly string[]): Der {
  return sequence(
    ...names.map(name =>
      isIP(name) === 0
        ? taggedBytes(TAG_DNS_NAME, Buffer.from(name, 'latin1'))
        : taggedBytes(TAG_IP_ADDRESS, addressBytes(name)),
    ),
  )
}

/** The 4 or 16 bytes of a canonical address. */
function addressBytes(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split('.'), Number)
  const [head = '', tail] = address.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  const bytes = Buffer.alloc(16)
  for (const [i, group] of [...before, ...zeros, ...after].entries()) {
    bytes.writeUInt16BE(Number.parseInt(group, 16), i * 2)
  }
  return bytes
}
