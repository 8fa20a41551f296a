/**
 * base64url as RFC 7515 §2 has it: no padding, no blanks, and one way to write each byte sequence.
 *
 * Node's decoder is lenient: it takes both alphabets, skips what it does not know and ignores bits that
 * are left over. Two texts of the same bytes would be two tokens of one signature.
 */

/** @returns null for anything but the one canonical form */
export function decodeBase64url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url')
  // Encoding it again is one native call, and covers alphabet, padding, length and spare bits alike.
  return bytes.toString('base64url') === text ? bytes : null
}
