/**
 * Reads one value of each kind, as written in a flag, the environment or the file.
 *
 * A reader gives back the value or a sentence that names what was written, what is allowed and what
 * to write instead. None throws.
 */
import { isIP } from 'node:net'
import { guardNames, whyNotTried } from '../core/governed.ts'
import { formatAddress, isIpv4, maskAddress, parseAddress } from '../core/address.ts'
import type { Flag, Kind, KindValues } from './flag.ts'
import { readGuardAction } from './guard-action.ts'
import { didYouMean } from './nearest.ts'

export type Read<T> = { readonly value: T } | { readonly error: string }
type Reader<T> = (text: string, flag: Flag) => Read<T>

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

const LISTS = ['texts', 'paths', 'urls', 'cidrs', 'fingerprints', 'guards', 'actions'] as const

type ListKind = (typeof LISTS)[number]

/** What an item of a list looks like, where an empty one is a mistake. */
const items: Partial<Record<Kind, string>> = {
  cidrs: 'an address or a network',
  fingerprints: 'a JA4',
  guards: 'a reason, or all',
  actions: 'a reason and an action',
}

/** Reads what was written for `flag`; lists are split at commas and blanks. */
export function readValue(flag: Flag, written: unknown): Read<KindValues[Kind]> {
  const { kind } = flag
  if (isList(kind)) return readList(flag, written)
  if (Array.isArray(written)) {
    return { error: `is given ${written.length} times, it takes one value` }
  }
  if (typeof written === 'object' || written === undefined) {
    return { error: `is ${JSON.stringify(written)}, it takes one value` }
  }
  return readers[kind](String(written).trim(), flag)
}

function isList(kind: Kind): kind is ListKind {
  return (LISTS as readonly Kind[]).includes(kind)
}

function readList(flag: Flag, written: unknown): Read<readonly string[]> {
  const given: readonly unknown[] = Array.isArray(written) ? written : [written]
  const odd = given.find(item => typeof item === 'object' || item === undefined)
  if (odd !== undefined) return { error: `holds ${JSON.stringify(odd)}, it takes texts` }
  // A variable that was not set, most likely: an --allow that allows everybody is not what was meant.
  const wanted = items[flag.kind]
  if (wanted !== undefined && given.some(item => String(item).trim() === '')) {
    return { error: `is empty; write ${wanted}, or leave it out` }
  }
  const parts = given.flatMap(item =>
    // A path may hold blanks and commas; URLs and CIDRs cannot.
    flag.kind === 'paths' ? [String(item)] : String(item).split(/[\s,]+/),
  )
  const values: string[] = []
  const errors: string[] = []
  for (const item of parts) {
    if (item === '') continue
    const read = readItem(flag, item)
    if ('error' in read) errors.push(read.error)
    else values.push(read.value)
  }
  return errors.length === 0 ? { value: values } : { error: errors.join('; ') }
}

function readItem(flag: Flag, item: string): Read<string> {
  if (flag.kind === 'cidrs') return readCidr(item)
  if (flag.kind === 'fingerprints') return readFingerprint(item)
  if (flag.kind === 'guards') return readGuard(item)
  if (flag.kind === 'actions') return readGuardAction(item)
  return flag.kind === 'texts' ? readName(item) : { value: item }
}

const readers: {
  readonly [K in Exclude<Kind, ListKind>]: Reader<KindValues[K]>
} = {
  duration(text, flag) {
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text)
    if (match === null) return { error: `${quoted(text)} is no time; write 500ms, 5s, 2m or 1h` }
    const exact = Number(match[1]) * UNIT_MS[match[2] ?? 's']!
    // What is too short must not become 0, which may turn a limit off.
    const ms = exact < 1 ? exact : Math.round(exact)
    const hint =
      match[2] === undefined && ms > (flag.max ?? 0)
        ? `; a bare number is seconds, ${match[1]}ms is milliseconds`
        : ''
    return bounded(ms, text, flag, formatDuration, hint)
  },
  count(text, flag) {
    const match = /^(\d+)([kM])?$/.exec(text)
    if (match === null)
      return { error: `${quoted(text)} is no whole number; write ${range(flag, String)}` }
    const factor = match[2] === 'k' ? 1000 : match[2] === 'M' ? 1_000_000 : 1
    return bounded(Number(match[1]) * factor, text, flag, String)
  },
  rate(text, flag) {
    if (!/^\d+(\.\d+)?$/.test(text))
      return {
        error: `${quoted(text)} is no rate; write a number per second, ${range(flag, String)}`,
      }
    return bounded(Number(text), text, flag, String)
  },
  percent(text, flag) {
    const match = /^(\d{1,3})%?$/.exec(text)
    if (match === null) return { error: `${quoted(text)} is no percentage; write 0 to 100` }
    return bounded(Number(match[1]), text, flag, String)
  },
  boolean(text) {
    if (['true', 'yes', 'on', '1'].includes(text)) return { value: true }
    if (['false', 'no', 'off', '0'].includes(text)) return { value: false }
    return { error: `${quoted(text)} is neither true nor false` }
  },
  choice(text, flag) {
    const choices = flag.choices ?? []
    if (choices.includes(text)) return { value: text }
    return {
      error: `${quoted(text)} is not one of ${choices.join(', ')}${didYouMean(text, choices)}`,
    }
  },
  text(text) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    if (/[\x00-\x1f\x7f]/.test(text)) return { error: 'holds a control character' }
    return { value: text }
  },
  endpoint(text) {
    return text === 'off' ? { value: null } : readEndpoint(text)
  },
  statuses(text) {
    const match = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(text)
    const min = Number(match?.[1])
    const max = Number(match?.[2] ?? match?.[1])
    if (match === null || min > max)
      return { error: `${quoted(text)} is no status or range; write 200 or 200-399` }
    return { value: { min, max } }
  },
}

/** `HOST:PORT` or `[IPv6]:PORT`. */
export function readEndpoint(text: string): Read<{ host: string; port: number }> {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text)
  if (match === null)
    return { error: `${quoted(text)} is not HOST:PORT; write 127.0.0.1:9090 or [::1]:9090` }
  const host = (match[1] ?? match[2])!
  const port = Number(match[3])
  if (match[1] !== undefined && isIP(host) !== 6)
    return { error: `${quoted(host)} in brackets is no IPv6 address` }
  if (port > 65_535) return { error: `port ${match[3]} is above 65535` }
  if (!isHost(host)) return { error: `${quoted(host)} is neither an IP address nor a host name` }
  return { value: { host, port } }
}

/** An IP address, or a name that may stand in DNS or a hosts file. */
export function isHost(host: string): boolean {
  if (isIP(host) !== 0) return true
  // All digits and dots is an address that went wrong, not a name.
  if (/^[\d.]+$/.test(host) || host.length > 253) return false
  return host
    .replace(/\.$/, '')
    .split('.')
    .every(label => /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/.test(label))
}

function readCidr(text: string): Read<string> {
  const [address = '', length, ...rest] = text.split('/')
  const words = new Int32Array(4)
  if (rest.length > 0 || address.includes('%') || !parseAddress(address, words)) {
    return {
      error: `${quoted(text)} is no address or network; write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32`,
    }
  }
  if (isIpv4(words) && address.includes(':')) {
    return {
      error: `${quoted(text)} is an IPv4 address in IPv6 form; write ${formatAddress(words)}`,
    }
  }
  const bits = isIpv4(words) ? 32 : 128
  if (length === undefined) return { value: text }
  if (!/^\d{1,3}$/.test(length) || Number(length) > bits) {
    return { error: `${quoted(text)} has no prefix length from 0 to ${bits}` }
  }
  const masked = Int32Array.from(words)
  maskAddress(masked, Number(length) + 128 - bits)
  if (masked.some((word, i) => word !== words[i])) {
    return {
      error: `${quoted(text)} has bits set beyond its prefix; write ${formatAddress(masked)}/${length}`,
    }
  }
  return { value: text }
}

/** A reason of refusals that a guard decides, or `all`. */
function readGuard(item: string): Read<string> {
  const known: readonly string[] = ['all', ...guardNames]
  if (known.includes(item)) return { value: item }
  const why = whyNotTried(item)
  if (why !== null) return { error: `${quoted(item)} cannot be tried: ${why}` }
  return { error: `${quoted(item)} is no guard's reason${didYouMean(item, known)}` }
}

/** A JA4 of TLS over TCP, or some characters of its beginning and `*`. */
function readFingerprint(text: string): Read<string> {
  const beginning = text.endsWith('*') ? text.slice(0, -1) : null
  const isGood =
    beginning === null
      ? JA4.test(text)
      : beginning.length < JA4_EXAMPLE.length &&
        JA4.test(beginning + JA4_EXAMPLE.slice(beginning.length))
  if (isGood) return { value: text }
  return {
    error: `${quoted(text)} is no JA4; write all of it as the log has it, ${JA4_EXAMPLE}, or its beginning and *, t13d1516h2_*`,
  }
}

const JA4_EXAMPLE = 't13d1516h2_8daaf6152771_e5627efa2ab1'
const JA4 = /^t(?:1[0-3]|s[23]|00)[di]\d{4}[0-9A-Za-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}$/

/** An ALPN protocol name, RFC 7301 §3.1: 1 to 255 bytes. */
function readName(text: string): Read<string> {
  if (/^[\x21-\x7e]{1,255}$/.test(text)) return { value: text }
  return { error: `${quoted(text)} is no protocol name; write h2 or http/1.1` }
}

function bounded(
  value: number,
  text: string,
  flag: Flag,
  format: (value: number) => string,
  hint = '',
): Read<number> {
  const min = flag.min ?? 0
  const max = flag.max ?? Number.MAX_SAFE_INTEGER
  if ((value === 0 && flag.zero === true) || (value >= min && value <= max)) return { value }
  return { error: `${quoted(text)} is out of range; allowed are ${range(flag, format)}${hint}` }
}

function range(flag: Flag, format: (value: number) => string): string {
  const off = flag.zero === true ? ', or 0 for no limit' : ''
  return `${format(flag.min ?? 0)} to ${format(flag.max ?? Number.MAX_SAFE_INTEGER)}${off}`
}

/** The shortest way to write it: 90000 → 90s, 3600000 → 1h. */
export function formatDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    if (ms !== 0 && ms % UNIT_MS[unit]! === 0) return `${ms / UNIT_MS[unit]!}${unit}`
  }
  return ms === 0 ? '0s' : `${ms}ms`
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}…` : text)
}
