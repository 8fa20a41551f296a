/** What all proxies are held to. The defaults are those of weir, with shorter times: an attack is to outlast them. */

export interface Limits {
  /** New connections per second and address, and how many at once. */
  readonly connectionRate: number
  readonly connectionBurst: number
  readonly connectionsPerAddress: number
  readonly handshakeRate: number
  readonly handshakeBurst: number
  /** TLS handshakes of all addresses. */
  readonly hostHandshakeRate: number
  readonly hostHandshakeBurst: number
  readonly requestRate: number
  readonly requestBurst: number
  /** Failed authentications. */
  readonly failureRate: number
  readonly failureBurst: number
  /** For a head, from its first byte; of silence in a body; for a client that takes nothing. */
  readonly headSeconds: number
  readonly bodySeconds: number
  readonly writeSeconds: number
  /** Between two requests. */
  readonly keepAliveSeconds: number
}

export const defaultLimits: Limits = {
  connectionRate: 20,
  connectionBurst: 40,
  connectionsPerAddress: 100,
  handshakeRate: 10,
  handshakeBurst: 20,
  hostHandshakeRate: 500,
  hostHandshakeBurst: 2000,
  requestRate: 100,
  requestBurst: 200,
  failureRate: 2,
  failureBurst: 60,
  headSeconds: 5,
  bodySeconds: 5,
  writeSeconds: 5,
  keepAliveSeconds: 10,
}
