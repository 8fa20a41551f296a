/**
 * One key that tokens are verified with, and the one algorithm it is for (RFC 8725 §3.1).
 *
 * Verified with Node's own crypto and a callback: the work is done by the thread pool, and the loop is held
 * for 5 to 9 µs a token, where sync calls hold it for 25 (RS256) to 1900 (ES512), and jose for 16 to 30.
 */
import { createHmac, type KeyObject, timingSafeEqual, verify } from 'node:crypto'
import { type Algorithm, type AlgorithmName, algorithms, isOf } from './algorithms.ts'
import type { Jws } from './jws.ts'

export class VerifyKey {
  /** '' if it has none. */
  readonly kid: string
  readonly name: AlgorithmName
  /** RFC 7638, with kid and algorithm: two keys of one print are the same key. */
  readonly print: string
  /** Whether it still stands in the set of its issuer; what it verified counts no longer than that. */
  isCurrent = true
  readonly #algorithm: Algorithm
  readonly #key: KeyObject
  readonly #input: Parameters<typeof verify>[2]

  constructor(kid: string, name: AlgorithmName, key: KeyObject, thumbprint: string) {
    this.kid = kid
    this.name = name
    this.print = `${kid} ${name} ${thumbprint}`
    this.#key = key
    const algorithm: Algorithm = algorithms[name]
    this.#algorithm = algorithm
    this.#input =
      algorithm.padding === 0
        ? { key, dsaEncoding: 'ieee-p1363' }
        : { key, padding: algorithm.padding, saltLength: algorithm.hashBytes }
  }

  get isSecret(): boolean {
    return this.#algorithm.keyType === 'secret'
  }

  /** Whether a token that says so may be of this key. */
  takes(alg: string): boolean {
    return isOf(alg, this.name)
  }

  /** Tells `onVerified` whether the signature is of this key; at once, for a secret. */
  verify(
    { signed, signature }: Pick<Jws, 'signed' | 'signature'>,
    onVerified: (good: boolean) => void,
  ): void {
    const { keyType, hash, signatureBytes } = this.#algorithm
    if (signatureBytes !== 0 && signature.length !== signatureBytes) return onVerified(false)
    if (keyType === 'secret') {
      const own = createHmac(hash!, this.#key).update(signed).digest()
      return onVerified(timingSafeEqual(own, signature))
    }
    try {
      verify(hash, signed, this.#input, signature, (error, good) =>
        onVerified(error === null && good),
      )
    } catch {
      // Node says of some signatures that they cannot be one before it asks the pool.
      onVerified(false)
    }
  }
}
