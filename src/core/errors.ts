/**
 * Failures of a peer that took part in a session, in one table.
 *
 * A fault says whom to look at first and whether another backend may be tried. Hostile input is a
 * refusal (refusals.ts), not a fault; a broken promise of our own is an assertion.
 */

interface Fault {
  /** Who to look at first. */
  readonly origin: 'client' | 'backend' | 'proxy'
  /** Whether the session may go to another backend. */
  readonly retry: boolean
}

const faults = {
  WEIR_CONNECT_FAILED: { origin: 'backend', retry: true },
  WEIR_CONNECT_TIMEOUT: { origin: 'backend', retry: true },
  WEIR_BACKEND_TLS: { origin: 'backend', retry: true },
  WEIR_BACKEND_UNRESOLVED: { origin: 'backend', retry: true },
  WEIR_NO_BACKEND: { origin: 'proxy', retry: false },
  WEIR_QUEUE_FULL: { origin: 'proxy', retry: false },
  WEIR_QUEUE_TIMEOUT: { origin: 'proxy', retry: false },
} as const satisfies Record<`WEIR_${string}`, Fault>

export type FaultCode = keyof typeof faults

export class ProxyError extends Error {
  override readonly name = 'ProxyError'
  readonly code: FaultCode

  constructor(code: FaultCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  get fault(): Fault {
    return faults[this.code]
  }
}
