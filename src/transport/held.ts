/**
 * What sessions hold for their two sides, in bytes: read and not passed on, or passed on and not taken.
 *
 * Of weir's own memory: what lies in the kernel or in OpenSSL is not in it. Bytes that wait in the buffer they were
 * read into stand on both sides, so that the sum is rather too large than too small.
 */
export class Held {
  fromClient = 0
  toClient = 0
  fromBackend = 0
  toBackend = 0

  get total(): number {
    return this.fromClient + this.toClient + this.fromBackend + this.toBackend
  }

  clear(): void {
    this.fromClient = 0
    this.toClient = 0
    this.fromBackend = 0
    this.toBackend = 0
  }
}
