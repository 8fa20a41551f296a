/** What is measured. To add a scenario: add its row here, and its generator to load.ts. */
import type { Ports } from './proxies.ts'

export interface Scenario {
  readonly about: string
  /** What one operation is, in the table's words. */
  readonly unit: string
  readonly load: string
  /** What has to be installed; the scenario is left out where it is not. */
  readonly program?: string
  readonly port: keyof Ports
  readonly count: number
  readonly concurrency: number
  /**
   * Processor time per operation, bytes of memory per connection held, or growth over a million
   * connections, which is run only when it is asked for by name.
   */
  readonly measure: 'cpu' | 'memory' | 'leak'
  /** The ratio to HAProxy this project asks of itself. */
  readonly target?: number
  /** The figure itself that it may not exceed. */
  readonly limit?: number
}

export const scenarios = {
  'tcp-small': {
    about: '64-byte messages over 64 TCP connections',
    unit: 'message',
    load: 'messages',
    port: 'tcp',
    count: 150_000,
    concurrency: 64,
    measure: 'cpu',
    target: 1.4,
  },
  'tcp-bulk': {
    about: '1 MiB from the backend, 4 TCP connections',
    unit: 'MiB',
    load: 'bulk',
    port: 'tcp',
    count: 2000,
    concurrency: 4,
    measure: 'cpu',
    target: 0.8,
  },
  'tls-handshake': {
    about: 'new TLS 1.3 connection, ECDSA P-256, one message',
    unit: 'connection',
    load: 'handshakes',
    port: 'tls',
    count: 3000,
    concurrency: 16,
    measure: 'cpu',
    target: 1.4,
  },
  'tls-keepalive': {
    about: 'HTTP requests over 64 TLS connections that stay',
    unit: 'request',
    load: 'keepalive',
    port: 'tls',
    count: 60_000,
    concurrency: 64,
    measure: 'cpu',
    target: 1.35,
  },
  'tls-keepalive-wrk': {
    about: 'the same, asked by wrk as fast as it can',
    unit: 'request',
    load: 'wrk',
    program: 'wrk',
    port: 'tls',
    count: 60_000,
    concurrency: 64,
    measure: 'cpu',
  },
  'tcp-connect': {
    about: 'new TCP connection, one message',
    unit: 'connection',
    load: 'connections',
    port: 'tcp',
    count: 8000,
    concurrency: 16,
    measure: 'cpu',
  },
  refused: {
    about: 'connection refused right after accept',
    unit: 'connection',
    load: 'refused',
    port: 'deny',
    count: 60_000,
    concurrency: 16,
    measure: 'cpu',
    target: 1.1,
  },
  'idle-memory': {
    about: '2000 TLS connections that say nothing',
    unit: 'connection',
    load: 'idle',
    port: 'tls',
    count: 2000,
    concurrency: 16,
    measure: 'memory',
    limit: 45 * 1024,
  },
  leak: {
    about: 'memory after 1,000,000 short connections, to that after the first 100,000',
    unit: 'connection',
    load: 'connections',
    port: 'tcp',
    count: 1_000_000,
    concurrency: 32,
    measure: 'leak',
    limit: 1.1,
  },
} as const satisfies Record<string, Scenario>
