/**
 * Counters of the data plane: THE LIST of metrics, and their memory.
 *
 * Each worker has its own slice and is the only one to write it, with plain stores; main sums the
 * slices when metrics are scraped. A replaced worker goes on with the slice of the one that died.
 * To add a metric: add its row here; control/metrics.ts exposes whatever stands in the table.
 */
import { actions } from '../core/actions.ts'
import { endings } from '../core/endings.ts'
import { faults } from '../core/faults.ts'
import { refusals } from '../core/refusals.ts'
import { rejections, schemeNames } from '../core/rejections.ts'

/** Upper bounds in seconds; the last bucket, +Inf, is implied. */
const LATENCY = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export const tlsVersions = ['TLSv1.2', 'TLSv1.3'] as const
export const tlsGroups = ['X25519MLKEM768', 'X25519', 'P-256', 'P-384', 'other'] as const
export const tlsResumed = ['no', 'yes'] as const
export const handshakeFailures = [
  'timeout',
  'closed',
  'no-shared-cipher',
  'no-shared-group',
  'no-shared-protocol',
  'client-alert',
  'protocol',
] as const

/** GET, HEAD, OPTIONS; POST, PUT, PATCH, DELETE; and all others, as QUERY or what could not be read. */
const methodClasses = ['read', 'write', 'other'] as const

/** Read from a side and not passed on, or given to it and not taken; transport/held.ts. */
const heldWhere = ['from-client', 'to-client', 'from-backend', 'to-backend'] as const

/** Whom proxy/evictor.ts ends to make room, in the order in which it looks for them. */
export const evictionStages = [
  'idle-stranger',
  'large-stranger',
  'idle-known',
  'large-known',
] as const

/** What a label may be. `listener`, `route` and `backend` take their values from the config. */
export const labelValues = {
  reason: refusals.map(row => row[0]),
  action: actions,
  fault: faults.map(row => row[0]),
  ending: endings,
  method: methodClasses,
  status: ['none', '1xx', '2xx', '3xx', '4xx', '5xx'],
  version: tlsVersions,
  group: tlsGroups,
  resumed: tlsResumed,
  cause: handshakeFailures,
  answer: ['active', 'inactive', 'failed'],
  cache: ['jwt', 'introspection'],
  held: heldWhere,
  eviction: evictionStages,
  buffers: ['taken', 'spare'],
  scheme: ['none', ...schemeNames],
  outcome: ['accepted', ...rejections.map(row => row[0])],
} as const

/** How many values each label has that the config names. */
export interface LabelSizes {
  readonly listeners: number
  readonly routes: number
  /** Of all pools together. */
  readonly backends: number
}

export type Label = keyof typeof labelValues | 'listener' | 'route' | 'backend'

export interface CounterRow {
  readonly metric: string
  readonly help: string
  /** First label first in memory; at most three. */
  readonly labels: readonly Label[]
  /** Most of its values stay 0, and are not shown before they do not. */
  readonly sparse?: true
  /** A histogram: bucket bounds; its memory is one word per bucket, +Inf and the sum. */
  readonly buckets?: readonly number[]
  /** Goes down as well: a worker stores what is, and main sums the workers or takes the largest. */
  readonly gauge?: 'sum' | 'max'
}

export const counterRows = {
  accepted: {
    metric: 'weir_connections_total',
    help: 'Connections accepted, refused ones included',
    labels: ['listener'],
  },
  refused: {
    metric: 'weir_refusals_total',
    help: 'Connections refused, by reason',
    labels: ['listener', 'reason'],
  },
  shadowed: {
    metric: 'weir_shadow_refusals_total',
    help: 'What guards in --shadow would have refused, by reason',
    labels: ['reason'],
    sparse: true,
  },
  banned: {
    metric: 'weir_bans_total',
    help: 'Addresses banned, by the refusal that was one too many',
    labels: ['reason'],
    sparse: true,
  },
  actions: {
    metric: 'weir_actions_total',
    help: 'What was done with refused clients where --action says so; a tarpit that is full resets',
    labels: ['reason', 'action'],
    sparse: true,
  },
  tarpitted: {
    metric: 'weir_tarpitted',
    help: 'Connections that are held in the tarpit',
    labels: [],
    gauge: 'sum',
  },
  delayed: {
    metric: 'weir_delayed',
    help: 'Requests that are held until their tokens are due, --action REASON=delay',
    labels: [],
    gauge: 'sum',
  },
  bodyPauses: {
    metric: 'weir_body_pauses_total',
    help: 'Times that a client was not read for a while because its address sent more than --body-rate',
    labels: [],
  },
  forwardedDoubtful: {
    metric: 'weir_forwarded_doubtful_total',
    help: 'Requests of trusted proxies whose Forwarded is malformed, or names another client than X-Forwarded-For',
    labels: ['listener'],
  },
  ended: {
    metric: 'weir_sessions_ended_total',
    help: 'Admitted connections that ended, by how',
    labels: ['listener', 'ending'],
  },
  bytesReceived: {
    metric: 'weir_client_received_bytes_total',
    help: 'Payload bytes received from clients',
    labels: ['listener'],
  },
  bytesSent: {
    metric: 'weir_client_sent_bytes_total',
    help: 'Payload bytes sent to clients',
    labels: ['listener'],
  },
  handshakes: {
    metric: 'weir_tls_handshakes_total',
    help: 'Finished TLS handshakes with clients',
    labels: ['version', 'group', 'resumed'],
  },
  handshakesFailed: {
    metric: 'weir_tls_handshake_failures_total',
    help: 'TLS handshakes with clients that failed, by cause',
    labels: ['cause'],
  },
  falseTickets: {
    metric: 'weir_tls_false_tickets_total',
    help: 'TLS handshakes with a ticket that has the name of a key of ours and did not resume',
    labels: [],
  },
  dials: {
    metric: 'weir_backend_dials_total',
    help: 'Connections asked of backends',
    labels: ['backend'],
  },
  dialsFailed: {
    metric: 'weir_backend_dial_failures_total',
    help: 'Connections to backends that failed',
    labels: ['backend'],
  },
  dialSeconds: {
    metric: 'weir_backend_dial_seconds',
    help: 'Time until a backend was connected (TLS included)',
    labels: ['backend'],
    buckets: LATENCY,
  },
  backendReuses: {
    metric: 'weir_backend_reuses_total',
    help: 'HTTP requests sent over a connection that was kept',
    labels: ['backend'],
  },
  backendSeconds: {
    metric: 'weir_backend_response_seconds',
    help: 'Time from the request sent to the head of its response',
    labels: ['backend'],
    buckets: LATENCY,
  },
  clientReuses: {
    metric: 'weir_client_reuses_total',
    help: 'HTTP requests that were not the first on their connection',
    labels: ['listener'],
  },
  requests: {
    metric: 'weir_requests_total',
    help: 'HTTP requests, by class of method and of the status they got; none: the client left before',
    labels: ['route', 'method', 'status'],
  },
  requestSeconds: {
    metric: 'weir_request_seconds',
    help: 'Time from a whole request head to the end of the response',
    labels: ['route'],
    buckets: LATENCY,
  },
  requestQueueSeconds: {
    metric: 'weir_request_queue_seconds',
    help: 'Time that HTTP requests waited for a backend below its max-connections, of those that had to',
    labels: ['route'],
    buckets: LATENCY,
  },
  requestBytes: {
    metric: 'weir_request_body_bytes_total',
    help: 'Bytes of request bodies passed on',
    labels: ['route'],
  },
  responseBytes: {
    metric: 'weir_response_body_bytes_total',
    help: 'Bytes of response bodies passed on, answers of our own included',
    labels: ['route'],
  },
  requestRetries: {
    metric: 'weir_request_retries_total',
    help: 'HTTP requests sent again because a kept connection had been closed',
    labels: ['route'],
  },
  requestFaults: {
    metric: 'weir_request_faults_total',
    help: 'HTTP requests that failed, by how (docs/refusals.md)',
    labels: ['route', 'fault'],
  },
  authentications: {
    metric: 'weir_authentications_total',
    help: 'HTTP requests on routes that ask who the client is, by the scheme that judged and what came of it',
    labels: ['scheme', 'outcome'],
    sparse: true,
  },
  introspections: {
    metric: 'weir_introspections_total',
    help: 'Questions to the introspection server, by what came of them',
    labels: ['answer'],
  },
  introspectionSeconds: {
    metric: 'weir_introspection_seconds',
    help: 'Time that the introspection server took',
    labels: [],
    buckets: LATENCY,
  },
  tokenCacheHits: {
    metric: 'weir_token_cache_hits_total',
    help: 'Tokens that were known as good already',
    labels: ['cache'],
  },
  queued: {
    metric: 'weir_queued_total',
    help: 'Sessions that had to wait for a backend below its max-connections',
    labels: [],
  },
  addressEvictions: {
    metric: 'weir_address_evictions_total',
    help: 'Addresses forgotten to make room for another',
    labels: [],
  },
  addressOverflows: {
    metric: 'weir_address_overflows_total',
    help: 'Connections counted under the shared bucket because the address table had no room',
    labels: [],
  },
  heldBytes: {
    metric: 'weir_session_held_bytes',
    help: 'Bytes that sessions hold between their two sides, looked at every few seconds; what waits where it was read stands on both sides',
    labels: ['held'],
    gauge: 'sum',
  },
  heldBytesMax: {
    metric: 'weir_session_held_bytes_max',
    help: 'The same of the one session that holds most',
    labels: [],
    gauge: 'max',
  },
  readBufferBytes: {
    metric: 'weir_read_buffer_bytes',
    help: 'Memory of the buffers that plain sockets are read into: taken by one, those of kept connections too, or spare',
    labels: ['buffers'],
    gauge: 'sum',
  },
  overloadEvictions: {
    metric: 'weir_overload_evictions_total',
    help: 'Sessions ended to make room at overload level 4: idle or large, of a stranger or of one with a good record',
    labels: ['eviction'],
    sparse: true,
  },
  loopDelaySeconds: {
    metric: 'weir_event_loop_delay_seconds',
    help: 'How late the event loop of a worker ran its timers',
    labels: [],
    buckets: LATENCY,
  },
  logLinesDropped: {
    metric: 'weir_log_lines_dropped_total',
    help: 'Log lines not written: sampled refusals, or the log could not keep up',
    labels: [],
  },
} as const satisfies Record<string, CounterRow>

export type CounterName = keyof typeof counterRows

export class Counters {
  /** Where each row starts within a slice. */
  readonly at: Readonly<Record<CounterName, number>>
  readonly #memory: SharedArrayBuffer
  readonly #offset: number
  readonly #workers: number
  readonly #sliceWords: number
  readonly #sizes: Readonly<Record<string, number>>

  constructor(memory: SharedArrayBuffer, offset: number, workers: number, labels: LabelSizes) {
    const plan = planSlice(labels)
    this.at = plan.at
    this.#sizes = plan.sizes
    this.#sliceWords = plan.words
    this.#memory = memory
    this.#offset = offset
    this.#workers = workers
  }

  static bytes(workers: number, labels: LabelSizes): number {
    return planSlice(labels).words * workers * Float64Array.BYTES_PER_ELEMENT
  }

  /** The slice of one worker: hot-path code keeps it and adds to `slice[at.row + index]`. */
  slice(worker: number): Float64Array {
    const bytes = this.#sliceWords * Float64Array.BYTES_PER_ELEMENT
    return new Float64Array(this.#memory, this.#offset + worker * bytes, this.#sliceWords)
  }

  /** Words in `row`. */
  size(row: CounterName): number {
    return this.#sizes[row]!
  }

  /** All workers together. */
  sum(row: CounterName, index: number): number {
    let sum = 0
    for (let worker = 0; worker < this.#workers; worker++) {
      sum += this.slice(worker)[this.at[row] + index]!
    }
    return sum
  }

  /** The largest of all workers. */
  max(row: CounterName, index: number): number {
    let max = 0
    for (let worker = 0; worker < this.#workers; worker++) {
      max = Math.max(max, this.slice(worker)[this.at[row] + index]!)
    }
    return max
  }
}

/**
 * Adds one observation to the histogram that starts at `first`.
 *
 * @param bounds the row's buckets
 */
export function observe(
  slice: Float64Array,
  first: number,
  bounds: readonly number[],
  seconds: number,
): void {
  let bucket = 0
  while (bucket < bounds.length && seconds > bounds[bucket]!) bucket++
  slice[first + bucket]!++
  slice[first + bounds.length + 1]! += seconds
}

/** Words of one histogram: its buckets, +Inf, the sum. */
export function histogramWords(row: CounterRow): number {
  return row.buckets === undefined ? 1 : row.buckets.length + 2
}

function planSlice(labels: LabelSizes) {
  const at = {} as Record<CounterName, number>
  const sizes = {} as Record<CounterName, number>
  let words = 0
  for (const [name, row] of Object.entries(counterRows) as [CounterName, CounterRow][]) {
    let size = histogramWords(row)
    for (const label of row.labels) size *= labelSize(label, labels)
    at[name] = words
    sizes[name] = size
    words += size
  }
  // Whole cache lines, so that two workers never write the same one.
  return { at, sizes, words: Math.ceil(words / 8) * 8 }
}

function labelSize(label: Label, { listeners, routes, backends }: LabelSizes): number {
  if (label === 'listener') return listeners
  if (label === 'route') return routes
  if (label === 'backend') return backends
  return labelValues[label].length
}
