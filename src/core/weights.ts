/**
 * How much each refusal counts against an address: points of `--ban-threshold`.
 *
 * An honest client that is over a limit for a moment collects a few; what no honest software does counts more.
 * What says nothing of the client (weir is full, stops, waits for a server of keys, or its network, a route or a kind of
 * client as a whole is over a limit) counts nothing, and neither does what a ban or a list refuses: the decision was made already.
 */
import { type RefusalName, refusals } from './refusals.ts'
import { rejections } from './rejections.ts'

const WRONG_CREDENTIAL = 2
const UNAUTHORIZED = 401

const points: Partial<Record<RefusalName, number>> = {
  'connection-rate': 1,
  'connections-per-address': 1,
  'handshake-rate': 1,
  'request-rate': 1,
  'error-rate': 1,
  'requests-per-address': 1,
  'body-rate': 1,
  'route-address-rate': 1,
  'auth-failure-rate': 1,
  'identity-rate': 1,
  'identity-concurrency': 1,
  'fingerprint-denied': 1,
  'unknown-server-name': 1,
  'tls-version': 1,
  'request-too-large': 2,
  'not-supported': 2,
  'hello-timeout': 5,
  'request-timeout': 5,
  'not-tls': 5,
  'bad-server-name': 5,
  'bad-request': 5,
  'hello-too-large': 10,
  'hello-malformed': 10,
  // Who sent no credential did not guess.
  'credential-missing': 0,
  'certificate-missing': 0,
}

for (const [name, status] of rejections) {
  if (status === UNAUTHORIZED) points[name] ??= WRONG_CREDENTIAL
}

/** By number of the refusal. */
export const weights = Uint8Array.from(refusals, ([name]) => points[name] ?? 0)
