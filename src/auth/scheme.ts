/** What a scheme of authentication is. The schemes themselves are listed in `schemes.ts`. */
import type { RequestHead } from '../codec/http1/request-head.ts'
import type { SchemeName } from '../core/rejections.ts'
import type { Identity } from './identity.ts'
import type { PeerIdentity } from './peer-identity.ts'

/** Who it is, or the number of a rejection (core/rejections.ts, `refusal(name)`). */
export type Verdict = Identity | number

export interface Scheme {
  readonly name: SchemeName
  /**
   * Finds what the client sent that this scheme could read, without judging it.
   *
   * @param peer who the client is by the certificate of its connection; null if it showed none
   * @returns '' if there is nothing; a number if it is a rejection in itself (two of them, say)
   */
  find(head: RequestHead, peer: PeerIdentity | null): string | number
  /**
   * Whether a credential is of this scheme and no other, by its form alone. Of several schemes that find
   * something in the same field the first that recognises it judges it, else the last.
   */
  recognises(credential: string): boolean
  /**
   * Judges a credential. What is known already is told at once: a promise is only for what must be waited for,
   * and never rejects because of what a client sent.
   *
   * The verdict depends on the credential and the time alone, so that it can be kept: whether a bound token came
   * with what it is bound to (`confirmation`) is for the policy to see, at each request.
   *
   * @param nowSeconds since 1970
   */
  check(
    credential: string,
    nowSeconds: number,
    peer: PeerIdentity | null,
  ): Verdict | Promise<Verdict>
  /**
   * Whether an identity that it gave out before would be given out now, for the same credential. Without it
   * each request is judged anew.
   */
  stands?(identity: Identity, nowSeconds: number): boolean
}
