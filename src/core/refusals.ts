/**
 * Every reason weir has for turning a client away before it is served.
 *
 * A refusal travels as its index here: a small integer costs nothing on the path of a flood. The
 * names are the ones in metrics, logs and docs/refusals.md. 0 is never a refusal. Those that are about who
 * the client is have a table of their own, with what it is told: rejections.ts.
 */
import {
  type RejectionError,
  type RejectionName,
  type RejectionStatus,
  rejections,
} from './rejections.ts'

const others = [
  ['admitted', 'not a refusal'],
  ['denied', '--deny covers the address, or --allow does not'],
  [
    'banned',
    'the address was refused so often that it is banned for a time, or an operator banned it',
  ],
  ['connection-rate', 'the address opens connections faster than --connection-rate'],
  ['connections-per-address', 'the address holds --connections-per-address connections'],
  ['connections-max', 'the host holds --connections-max connections'],
  [
    'overload-stranger',
    'weir is short of something, and the address has no good record (docs/overload.md)',
  ],
  [
    'overload-closed',
    'weir is so short of something that it takes no new connections (docs/overload.md)',
  ],
  ['handshake-rate', 'the address starts TLS handshakes faster than --handshake-rate'],
  [
    'host-handshake-rate',
    'clients start TLS handshakes faster than --host-handshake-rate, and this one has no good record',
  ],
  ['request-rate', 'the address makes HTTP requests faster than --request-rate'],
  ['error-rate', 'requests of the address end in errors (4xx, 5xx) more often than --error-rate'],
  ['requests-per-address', 'the address has --requests-per-address HTTP requests in flight'],
  [
    'prefix-connection-rate',
    'the network of the address opens connections faster than --prefix-multiple times --connection-rate',
  ],
  [
    'prefix-connections',
    'the network of the address holds --prefix-multiple times --connections-per-address connections',
  ],
  [
    'prefix-handshake-rate',
    'the network of the address starts TLS handshakes faster than --prefix-multiple times --handshake-rate',
  ],
  [
    'prefix-request-rate',
    'the network of the address makes HTTP requests faster than --prefix-multiple times --request-rate',
  ],
  [
    'prefix-error-rate',
    'requests of the network of the address end in errors more often than --prefix-multiple times --error-rate',
  ],
  [
    'prefix-requests',
    'the network of the address has --prefix-multiple times --requests-per-address HTTP requests in flight',
  ],
  ['route-request-rate', 'all clients of the route together ask faster than --route-request-rate'],
  ['route-address-rate', 'the address asks on the route faster than --route-address-rate'],
  [
    'body-rate',
    'the address is so far over --body-rate that a body would have to wait for others of it longer than --body-timeout',
  ],
  ['draining', 'weir is stopping and takes no new connections'],
  ['proxy-header-malformed', 'a trusted proxy sent no valid PROXY header'],
  ['proxy-header-timeout', 'a trusted proxy sent no whole PROXY header in 3 s'],
  ['not-tls', 'the first bytes on a TLS port are not TLS'],
  ['hello-malformed', 'the ClientHello breaks the rules of RFC 8446 or RFC 5246'],
  ['hello-too-large', 'the ClientHello is larger than 16 KiB'],
  ['hello-timeout', 'no whole ClientHello came within --hello-timeout'],
  ['bad-server-name', 'the server name in the ClientHello is not a host name'],
  ['unknown-server-name', 'no certificate (with --strict-sni) or route covers the server name'],
  ['tls-version', 'the client offers no TLS version weir accepts'],
  ['fingerprint-denied', '--deny-fingerprint covers the JA4 of the client'],
  ['fingerprint-rate', 'clients of one JA4 start TLS handshakes faster than --fingerprint-rate'],
  ['bad-request', 'the request breaks the rules of RFC 9112, or could be read in two ways'],
  ['request-too-large', 'the request line, its head or its body is larger than allowed'],
  ['request-timeout', 'the request did not come within --head-timeout or --body-timeout'],
  [
    'not-supported',
    'the request asks for what weir does not do: CONNECT, other codings or versions',
  ],
] as const satisfies readonly (readonly [name: string, cause: string])[]

export type RefusalName = (typeof others)[number][0] | RejectionName

/** By number. */
export const refusals: readonly (readonly [name: RefusalName, cause: string])[] = [
  ...others,
  ...rejections.map(([name, , , cause]) => [name, cause] as const),
]

/** The number of a refusal, for module-level constants. */
export function refusal(name: RefusalName): number {
  return refusals.findIndex(row => row[0] === name)
}

export const ADMITTED = 0

/** Whether the refusal is one of rejections.ts. */
export function isRejection(refused: number): boolean {
  return refused >= others.length
}

/** Its place in rejections.ts. @param rejected the number of a rejection */
export function rejectionNumber(rejected: number): number {
  return rejected - others.length
}

/** @param rejected the number of a rejection; @returns what a client of HTTP is answered with */
export function rejectionStatus(rejected: number): RejectionStatus {
  return rejections[rejected - others.length]![1]
}

/** @param rejected the number of a rejection; @returns the `error` for WWW-Authenticate; '' for none */
export function rejectionError(rejected: number): RejectionError {
  return rejections[rejected - others.length]![2]
}
