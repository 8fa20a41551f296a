/**
 * Which group a key exchange will use, read off the ClientHello.
 *
 * Node does not tell a server which group was agreed on. OpenSSL takes the first of ours that the
 * client sent a key share for, else the first it knows (and asks for a share of it).
 */

/** Ours, in order of preference (transport/tls-contexts.ts): code point and name. */
const groups = [
  [0x11ec, 'X25519MLKEM768'],
  [0x001d, 'X25519'],
  [0x0017, 'P-256'],
  [0x0018, 'P-384'],
] as const

/** All but the hybrid one: it is of TLS 1.3 alone, also where a client that speaks 1.2 lists it. */
export const KNOWN_TO_TLS12 = 0b1110

/**
 * Which of our groups a list holds.
 *
 * @param entries  offset of the first group; negative if the length of the list was wrong
 * @param hasShare entries are key shares (RFC 8446 §4.2.8): a group, a length, the share
 * @returns a bit per group, the most preferred lowest; -1 if the lengths do not agree
 */
export function readGroups(
  bytes: Uint8Array,
  entries: number,
  end: number,
  hasShare: boolean,
): number {
  if (entries < 0) return -1
  let found = 0
  let at = entries
  while (at < end) {
    if (end - at < (hasShare ? 4 : 2)) return -1
    const code = (bytes[at]! << 8) | bytes[at + 1]!
    for (let i = 0; i < groups.length; i++) if (groups[i]![0] === code) found |= 1 << i
    at += hasShare ? 4 + ((bytes[at + 2]! << 8) | bytes[at + 3]!) : 2
  }
  return at === end ? found : -1
}

/** @returns the group's name, '' if there is none in common */
export function agreedGroup(known: number, shared: number): string {
  const candidates = shared === 0 ? known : shared
  for (let i = 0; i < groups.length; i++) if ((candidates & (1 << i)) !== 0) return groups[i]![1]
  return ''
}
