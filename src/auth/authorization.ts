/** The credential in `Authorization: SCHEME CREDENTIAL` (RFC 9110 §11.6.2, RFC 6750 §2.1). */
import { AUTHORIZATION } from '../codec/http1/field-names.ts'
import type { Head } from '../codec/http1/head.ts'
import { refusal } from '../core/refusals.ts'

const AMBIGUOUS = refusal('credential-ambiguous')
const SPACE = 0x20

/**
 * @param scheme in lower case, as `bearer`
 * @returns '' if there is no such field or it is of another scheme, a rejection if there are two of them
 */
export function readAuthorization(head: Head, scheme: string): string | number {
  const field = head.only(AUTHORIZATION)
  if (field < 0) return field === -1 ? '' : AMBIGUOUS
  const value = head.value(field)
  if (value.charCodeAt(scheme.length) !== SPACE) return ''
  for (let i = 0; i < scheme.length; i++) {
    // Letters differ from their lower case in this bit alone.
    if ((value.charCodeAt(i) | 0x20) !== scheme.charCodeAt(i)) return ''
  }
  let start = scheme.length
  while (value.charCodeAt(start) === SPACE) start++
  return value.slice(start)
}

/** The token of a request, shown alone or with a proof (RFC 9449 §7.1). */
export function readToken(head: Head): string | number {
  const bearer = readAuthorization(head, 'bearer')
  return bearer === '' ? readAuthorization(head, 'dpop') : bearer
}
