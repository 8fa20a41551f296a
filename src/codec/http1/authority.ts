/** `Host` and the authority of a target: RFC 9110 §7.2, narrower than its grammar. */
import { isIPv6 } from 'node:net'

const NAME = /^[A-Za-z0-9._~-]{1,253}$/

/** A host and a port as clients may name them; @returns whether it is one */
export function isAuthority(text: string): boolean {
  if (text.length === 0 || text.length > 265) return false
  let end = text.length
  const colon = text.lastIndexOf(':')
  if (colon !== -1 && text.charCodeAt(text.length - 1) !== 0x5d) {
    const port = text.slice(colon + 1)
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) return false
    end = colon
  }
  const host = text.slice(0, end)
  return host.startsWith('[') ? host.endsWith(']') && isIPv6(host.slice(1, -1)) : NAME.test(host)
}
