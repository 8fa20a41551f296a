import type { AdmissionOptions } from '../../src/guard/admission.ts'

/** What a worker's guards are made with where none of them is to refuse. */
export const NO_LIMITS: AdmissionOptions = {
  connectionRate: 0,
  connectionBurst: 1,
  connectionsPerAddress: 0,
  handshakeRate: 0,
  handshakeBurst: 1,
  hostHandshakeRate: 0,
  hostHandshakeBurst: 1,
  requestRate: 0,
  requestBurst: 1,
  requestsPerAddress: 0,
  authFailureRate: 0,
  authFailureBurst: 1,
  fingerprintDeny: [],
  fingerprintLimit: [],
  fingerprintRate: 10,
  fingerprintBurst: 20,
  connectionsMax: 0,
  allow: [],
  deny: [],
  ipv4Prefix: 32,
  ipv6Prefix: 64,
  prefixMultiple: 0,
  prefixIpv4: 24,
  prefixIpv6: 48,
}
