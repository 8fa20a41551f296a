/** Bytes as text, a letter for each: what sockets are given, and heads are read as. */

interface Sliced {
  latin1Slice?: (start: number, end: number) => string
}

/** `toString` finds its encoding by name each time, which costs as much as the text of a short head. */
const isSliced = typeof (Buffer.prototype as Sliced).latin1Slice === 'function'

/** @param start and `end`: within `bytes` */
export function latin1(bytes: Buffer, start: number, end: number): string {
  return isSliced
    ? (bytes as unknown as Required<Sliced>).latin1Slice(start, end)
    : bytes.toString('latin1', start, end)
}
