/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4), which PROXY v2 headers carry. The one in `node:zlib`
 * has another polynomial.
 */

const POLYNOMIAL_REVERSED = 0x82f63b78
const table = remainders()

/** @returns the checksum of `bytes` from `start` up to `end`, as an unsigned 32-bit number */
export function crc32c(bytes: Uint8Array, start: number, end: number): number {
  let crc = -1
  for (let i = start; i < end; i++) crc = table[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}

function remainders(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) {
      crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL_REVERSED : crc >>> 1
    }
    return crc
  })
}
