/**
 * The one block of memory every thread sees, and what lies where in it.
 *
 * Everything but this file addresses memory by meaning. A region starts on its own cache line, so
 * that two owners never write the same line.
 */
import { AddressTable } from './address-table.ts'
import { BackendTable } from './backend-table.ts'
import { BreakerTable } from './breaker-table.ts'
import { ConcurrencyTable } from './concurrency-table.ts'
import { Counters } from './counters.ts'
import { GoodRecords } from './good-records.ts'
import { LogRing } from './log-ring.ts'
import { OverloadTable } from './overload-table.ts'
import { RefusalRing } from './refusal-ring.ts'
import { ReplayTable } from './replay-table.ts'
import { RequestLedger } from './request-ledger.ts'
import { SessionLedger } from './session-ledger.ts'
import { TALKER_WORDS, Talkers } from './talkers.ts'
import { WorkerTable } from './worker-table.ts'
import { ADDRESS_WORDS } from '../core/address.ts'
import type { HashKey } from '../core/hash.ts'

const CACHE_LINE = 64

/** Token buckets of the host, by their place in {@link Shared.hostBuckets}: TLS handshakes, and tickets that were shown and did not resume. */
export const HOST_HANDSHAKES = 0
export const HOST_BROKEN_TICKETS = 1
const HOST_BUCKETS = 2

/** What the sizes depend on; plain data, posted to the workers along with the memory. */
export interface LayoutOptions {
  readonly workers: number
  /** Backends of all pools together. */
  readonly backends: number
  readonly listeners: number
  readonly routes: number
  /** Addresses to remember. */
  readonly addresses: number
  /** Addresses have buckets of errors and of bytes as well. */
  readonly moreBuckets: boolean
  /** Sessions one worker may hold. */
  readonly sessionsPerWorker: number
  /** Requests one worker may have in flight. */
  readonly requestsPerWorker: number
  /** Proofs to remember (DPoP). */
  readonly proofs: number
  readonly hashKey: HashKey
}

/** One thread's view of the shared memory. */
export interface Shared {
  readonly options: LayoutOptions
  readonly memory: SharedArrayBuffer
  readonly workers: WorkerTable
  readonly overload: OverloadTable
  readonly backends: BackendTable
  readonly breakers: BreakerTable
  readonly concurrency: ConcurrencyTable
  readonly addresses: AddressTable
  readonly goodRecords: GoodRecords
  /** Words for guard/token-buckets.ts. */
  readonly hostBuckets: Int32Array
  /** Likewise, by route. */
  readonly routeBuckets: Int32Array
  readonly ledger: SessionLedger
  /** The same of the networks of the addresses. */
  readonly prefixLedger: SessionLedger
  readonly requestLedger: RequestLedger
  readonly prefixRequestLedger: RequestLedger
  /** The same of identities, for requests whose number at once is limited. */
  readonly identityLedger: RequestLedger
  readonly replays: ReplayTable
  readonly counters: Counters
  /** By worker. */
  readonly logs: readonly LogRing[]
  readonly refusals: readonly WorkerRefusals[]
}

/** What one worker remembers of refusals. */
export interface WorkerRefusals {
  /** Of requests: each has an id that somebody may ask for. */
  readonly requests: RefusalRing
  /** Those of an address that was refused too often lately to push others out of the first. */
  readonly repeats: RefusalRing
  /** Of connections. */
  readonly connections: RefusalRing
  readonly addresses: Talkers
  /** Requests, one of many: a sample. */
  readonly served: Talkers
  /** JA4, where somebody wants to know them. */
  readonly fingerprints: Talkers
  /** Who asks, where it is asked who that is. */
  readonly identities: Talkers
}

/** Slots of the rings; powers of two. */
const REQUEST_REFUSALS = 4096
const REPEATED_REFUSALS = 1024
/** Of these main is told at once of each sixteenth; of the others within a step of the wheel. */
const REPEATS_TOLD = 16
const CONNECTION_REFUSALS = 1024

/** Allocates the memory (zero-filled, so untouched pages cost nothing) and the view of the caller. */
export function createShared(options: LayoutOptions): Shared {
  return openShared(options, new SharedArrayBuffer(regions(options).total))
}

/** The view of a thread that was handed the memory. */
export function openShared(options: LayoutOptions, memory: SharedArrayBuffer): Shared {
  const at = regions(options)
  const { workers, backends, addresses, moreBuckets, hashKey } = options
  const { sessionsPerWorker, requestsPerWorker } = options
  return {
    options,
    memory,
    workers: new WorkerTable(memory, at.workers, workers),
    overload: new OverloadTable(memory, at.overload, workers),
    backends: new BackendTable(memory, at.backends, backends, workers),
    breakers: new BreakerTable(memory, at.breakers, backends, workers),
    concurrency: new ConcurrencyTable(memory, at.concurrency, backends, workers),
    addresses: new AddressTable(memory, at.addresses, addresses, hashKey, moreBuckets),
    goodRecords: new GoodRecords(memory, at.goodRecords, goodRecordsFor(addresses), hashKey),
    hostBuckets: new Int32Array(memory, at.hostBuckets, HOST_BUCKETS),
    routeBuckets: new Int32Array(memory, at.routeBuckets, options.routes),
    ledger: new SessionLedger(memory, at.ledger, workers, sessionsPerWorker),
    prefixLedger: new SessionLedger(memory, at.prefixLedger, workers, sessionsPerWorker),
    requestLedger: new RequestLedger(memory, at.requestLedger, workers, requestsPerWorker),
    prefixRequestLedger: new RequestLedger(
      memory,
      at.prefixRequestLedger,
      workers,
      requestsPerWorker,
    ),
    identityLedger: new RequestLedger(memory, at.identityLedger, workers, requestsPerWorker),
    replays: new ReplayTable(memory, at.replays, options.proofs),
    counters: new Counters(memory, at.counters, workers, options),
    logs: Array.from({ length: workers }, (_, worker) => new LogRing(memory, at.logs, worker)),
    refusals: Array.from({ length: workers }, (_, worker) =>
      openRefusals(memory, at.refusals + worker * refusalBytes(), hashKey),
    ),
  }
}

function openRefusals(memory: SharedArrayBuffer, offset: number, { k0 }: HashKey): WorkerRefusals {
  let at = offset
  const after = (bytes: number): number => (at += bytes) - bytes
  const ring = (slots: number, every?: number): RefusalRing =>
    new RefusalRing(memory, after(RefusalRing.bytes(slots)), slots, every)
  return {
    requests: ring(REQUEST_REFUSALS),
    repeats: ring(REPEATED_REFUSALS, REPEATS_TOLD),
    connections: ring(CONNECTION_REFUSALS),
    addresses: new Talkers(memory, after(Talkers.bytes()), ADDRESS_WORDS, k0),
    served: new Talkers(memory, after(Talkers.bytes()), ADDRESS_WORDS, k0),
    fingerprints: new Talkers(memory, after(Talkers.bytes()), TALKER_WORDS, k0),
    identities: new Talkers(memory, after(Talkers.bytes()), TALKER_WORDS, k0),
  }
}

/** Of one worker; whole cache lines, as each part is. */
function refusalBytes(): number {
  const rings = [REQUEST_REFUSALS, REPEATED_REFUSALS, CONNECTION_REFUSALS]
  return rings.reduce((sum, slots) => sum + RefusalRing.bytes(slots), 4 * Talkers.bytes())
}

/** Of the addresses that are remembered half may have a record: those of strangers are many in a flood. */
function goodRecordsFor(addresses: number): number {
  return Math.ceil(addresses / 2)
}

function regions(options: LayoutOptions) {
  const { workers, backends, addresses } = options
  let end = 0
  const place = (bytes: number): number => {
    const start = end
    end = Math.ceil((start + bytes) / CACHE_LINE) * CACHE_LINE
    return start
  }
  return {
    workers: place(WorkerTable.bytes(workers)),
    overload: place(OverloadTable.bytes(workers)),
    backends: place(BackendTable.bytes(backends, workers)),
    breakers: place(BreakerTable.bytes(backends, workers)),
    concurrency: place(ConcurrencyTable.bytes(backends, workers)),
    addresses: place(AddressTable.bytes(addresses, options.moreBuckets)),
    goodRecords: place(GoodRecords.bytes(goodRecordsFor(addresses))),
    hostBuckets: place(HOST_BUCKETS * Int32Array.BYTES_PER_ELEMENT),
    routeBuckets: place(options.routes * Int32Array.BYTES_PER_ELEMENT),
    ledger: place(SessionLedger.bytes(workers, options.sessionsPerWorker)),
    prefixLedger: place(SessionLedger.bytes(workers, options.sessionsPerWorker)),
    requestLedger: place(RequestLedger.bytes(workers, options.requestsPerWorker)),
    prefixRequestLedger: place(RequestLedger.bytes(workers, options.requestsPerWorker)),
    identityLedger: place(RequestLedger.bytes(workers, options.requestsPerWorker)),
    replays: place(ReplayTable.bytes(options.proofs)),
    counters: place(Counters.bytes(workers, options)),
    logs: place(LogRing.bytes(workers)),
    refusals: place(workers * refusalBytes()),
    total: end,
  }
}
