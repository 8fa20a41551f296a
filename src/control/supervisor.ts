/**
 * Starts the workers, watches over them, and replaces the ones that die.
 *
 * A worker that dies takes its own sessions with it and nothing else: the kernel closes its sockets,
 * the other workers go on listening on the same port, and what the dead one had counted in shared
 * memory is given back here.
 */
import { performance } from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'
import type { Authorities } from '../config/authorities.ts'
import type { ApiKeySet } from '../auth/api-key.ts'
import type { ClientAuthorities } from '../config/client-authorities.ts'
import type { Config } from '../config/config.ts'
import type {
  CertificatePem,
  ErrorPageText,
  IssuerKeySets,
  MainMessage,
  TicketSecrets,
  WorkerMessage,
  WorkerStart,
} from '../config/messages.ts'
import type { BannedBlock, BanNotice } from '../core/ban.ts'
import type { Shared } from '../shared/layout.ts'
import type { Logger } from 'pino'
import { LogLines } from './log-lines.ts'

/** First restart at once; a worker that dies soon again waits longer each time. */
const BACK_OFF_MS = [0, 500, 1000, 2000, 5000, 10_000, 30_000]
/** A worker that lived this long starts over with no back-off. */
const SETTLED_MS = 30_000
const WATCH_MS = 1000
/** A worker whose loop has not turned for this long does not serve: it is ended and replaced. */
const STALLED_MS = 15_000
/** How long a worker may take to cut its sessions. */
const CUT_MS = 2000

/**
 * Idle sessions outlive it in any case, and a larger one only stands by: with the default an idle TLS
 * connection takes 7 KiB more, at the same processor time per message and connection (`npm run bench`).
 */
const YOUNG_GENERATION_MB = 6

export interface SupervisorParts {
  readonly config: Config
  readonly shared: Shared
  readonly log: Logger
  /** Takes a batch of finished log lines. */
  readonly writeLines: (lines: Buffer, done: () => void) => void
  readonly addresses: () => readonly (string | null)[]
  readonly stickySecret: Uint8Array
  /** Those there are now; null where nobody asks for any. */
  readonly apiKeys: () => ApiKeySet | null
  readonly tickets: TicketSecrets
  readonly certificates: readonly CertificatePem[]
  readonly errorPages: readonly ErrorPageText[]
  readonly clientAuthorities: () => ClientAuthorities
  readonly issuerKeys: () => IssuerKeySets
  readonly issuerCa: string
  readonly introspectionClient: string
  /** A worker would have newer keys of an issuer. */
  readonly onKeysWanted: (issuer: number) => void
  readonly authorities: Authorities
  readonly bannedBlocks: () => readonly BannedBlock[]
  /** Guards of a worker banned these. */
  readonly onBans: (bans: readonly BanNotice[]) => void
}

interface Seat {
  readonly index: number
  thread: Worker | null
  listening: boolean
  drained: boolean
  startedMs: number
  failures: number
  heartbeat: number
  heartbeatMs: number
}

export class Supervisor {
  restarts = 0
  readonly #parts: SupervisorParts
  readonly #lines: LogLines
  readonly #seats: Seat[]
  #ports: readonly number[] = []
  #tickets: TicketSecrets
  #certificates: readonly CertificatePem[]
  #watch: NodeJS.Timeout | null = null
  readonly #restartTimers = new Set<NodeJS.Timeout>()
  #stopping = false
  #cutTimer: NodeJS.Timeout | null = null
  #settle: { resolve: () => void; reject: (error: Error) => void } | null = null
  #onDrained: (() => void) | null = null

  constructor(parts: SupervisorParts) {
    this.#parts = parts
    this.#lines = new LogLines(parts.writeLines)
    this.#tickets = parts.tickets
    this.#certificates = parts.certificates
    this.#seats = Array.from({ length: parts.config.workers }, (_, index) => ({
      index,
      thread: null,
      listening: false,
      drained: false,
      startedMs: 0,
      failures: 0,
      heartbeat: 0,
      heartbeatMs: 0,
    }))
  }

  /**
   * Starts all workers; the first one alone where a port is still to be chosen by the kernel.
   *
   * @returns the port of each listener, once every worker listens
   * @throws what a listener could not do: port in use, not permitted, no such address
   */
  async start(): Promise<readonly number[]> {
    const { config } = this.#parts
    const [first, ...others] = this.#seats
    if (config.listeners.some(listener => listener.port === 0)) {
      await this.#startAll([first!])
      await this.#startAll(others)
    } else {
      await this.#startAll(this.#seats)
    }
    this.#watch = setInterval(() => this.#look(), WATCH_MS)
    return this.#ports
  }

  get listening(): number {
    return this.#seats.filter(seat => seat.listening).length
  }

  /** Whether every worker there is turned its loop lately: what the watchdog is fed on. One that is to be replaced has none. */
  makesProgress(now = performance.now()): boolean {
    return this.#seats.every(seat => {
      this.#noteHeartbeat(seat, now)
      return seat.thread === null || now - seat.heartbeatMs < STALLED_MS / 2
    })
  }

  setAddress(backend: number, address: string): void {
    this.#post({ type: 'address', backend, address })
  }

  setTickets(tickets: TicketSecrets): void {
    this.#tickets = tickets
    this.#post({ type: 'tickets', tickets })
  }

  setCertificates(certificates: readonly CertificatePem[]): void {
    this.#certificates = certificates
    this.#post({ type: 'certificates', certificates })
  }

  setApiKeys(keys: ApiKeySet): void {
    this.#post({ type: 'api-keys', keys })
  }

  setClientAuthorities(authorities: ClientAuthorities): void {
    this.#post({ type: 'client-authorities', authorities })
  }

  setBannedBlocks(blocks: readonly BannedBlock[]): void {
    this.#post({ type: 'banned-blocks', blocks })
  }

  setIssuerKeys(sets: IssuerKeySets): void {
    this.#post({ type: 'issuer-keys', sets })
  }

  /** What there is of newer keys was set before. */
  keysLooked(issuer: number, askAgainInMs: number): void {
    this.#post({ type: 'keys-looked', issuer, askAgainInMs })
  }

  /** Ends one worker as a crash would; it is replaced. For tests of just that. */
  async kill(index: number): Promise<void> {
    await this.#seats[index]?.thread?.terminate()
  }

  /** Stops accepting; resolves when the last session of every worker has ended. */
  drain(): Promise<void> {
    this.#stopReplacing()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onDrained = resolve
    this.#post({ type: 'drain' })
    this.#checkDrained()
    return promise
  }

  /** Cuts the sessions that are left; drain() then resolves soon, even if a worker hangs. */
  cut(): void {
    this.#post({ type: 'stop' })
    if (this.#cutTimer !== null) return
    this.#cutTimer = setTimeout(() => {
      const workers = this.#seats.filter(seat => !seat.drained && seat.thread !== null)
      this.#parts.log.error(
        { workers: workers.map(({ index }) => index) },
        'worker hangs, leaving it',
      )
      this.#onDrained?.()
    }, CUT_MS)
  }

  async stop(): Promise<void> {
    this.#stopReplacing()
    if (this.#cutTimer !== null) clearTimeout(this.#cutTimer)
    await Promise.all(this.#seats.map(async seat => await seat.thread?.terminate()))
  }

  #stopReplacing(): void {
    this.#stopping = true
    if (this.#watch !== null) clearInterval(this.#watch)
    for (const timer of this.#restartTimers) clearTimeout(timer)
    this.#restartTimers.clear()
  }

  #startAll(seats: readonly Seat[]): Promise<void> {
    if (seats.length === 0) return Promise.resolve()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#settle = {
      resolve: () => {
        if (seats.every(seat => seat.listening)) resolve()
      },
      reject,
    }
    for (const seat of seats) this.#startWorker(seat)
    return promise
  }

  #startWorker(seat: Seat): void {
    const { config, shared, addresses, stickySecret } = this.#parts
    const start: WorkerStart = {
      worker: seat.index,
      config,
      layout: shared.options,
      memory: shared.memory,
      ports: this.#ports,
      addresses: addresses(),
      stickySecret,
      apiKeys: this.#parts.apiKeys(),
      tickets: this.#tickets,
      certificates: this.#certificates,
      errorPages: this.#parts.errorPages,
      clientAuthorities: this.#parts.clientAuthorities(),
      issuerKeys: this.#parts.issuerKeys(),
      issuerCa: this.#parts.issuerCa,
      introspectionClient: this.#parts.introspectionClient,
      authorities: this.#parts.authorities,
      bannedBlocks: this.#parts.bannedBlocks(),
    }
    const thread = new Worker(new URL('../worker.ts', import.meta.url), {
      workerData: start,
      name: `weir worker ${seat.index}`,
      // The worker must not write to stdout on its own: main is the only writer.
      stdout: false,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    })
    const now = performance.now()
    seat.thread = thread
    seat.startedMs = now
    seat.heartbeatMs = now
    thread.on('message', (message: WorkerMessage) => this.#hear(seat, thread, message))
    thread.on('error', error =>
      this.#parts.log.error(
        { worker: seat.index, error: String(error), stack: (error as Error).stack },
        'worker failed',
      ),
    )
    thread.on('exit', () => this.#ended(seat, thread))
  }

  #hear(seat: Seat, thread: Worker, message: WorkerMessage): void {
    switch (message.type) {
      case 'log':
        this.#takeLines(seat)
        break
      case 'listening':
        seat.listening = true
        if (this.#ports.length === 0) this.#ports = message.ports
        if (seat.failures === 0) this.#parts.log.debug({ worker: seat.index }, 'worker listens')
        else this.#parts.log.info({ worker: seat.index }, 'worker listens again')
        this.#settle?.resolve()
        break
      case 'listen-failed':
        // Of a replacement: what starts weir has been told already.
        this.#parts.log.error(
          { worker: seat.index, listener: message.listener, error: message.message },
          'worker cannot listen',
        )
        this.#settle?.reject(new Error(`listener ${message.listener}: ${message.message}`))
        void thread.terminate()
        break
      case 'keys-wanted':
        this.#parts.onKeysWanted(message.issuer)
        break
      case 'bans':
        this.#parts.onBans(message.bans)
        break
      case 'introspection':
        this.#tellIntrospection(seat.index, message.down)
        break
      case 'drained':
        seat.drained = true
        this.#checkDrained()
        break
    }
  }

  #tellIntrospection(worker: number, down: string | null): void {
    const { log, config } = this.#parts
    const facts = { worker, url: config.tokens.introspection.url }
    if (down === null) log.info(facts, 'introspection server answers again')
    else log.error({ ...facts, error: down }, 'introspection server is down')
  }

  #takeLines(seat: Seat): void {
    this.#lines.drain(this.#parts.shared.logs[seat.index]!)
  }

  #ended(seat: Seat, thread: Worker): void {
    if (seat.thread !== thread) return
    this.#takeLines(seat)
    const { shared, log } = this.#parts
    seat.thread = null
    seat.listening = false
    shared.addresses.releaseLocksOf(seat.index)
    shared.backends.giveBack(seat.index)
    shared.concurrency.giveBack(seat.index)
    // Requests first: what they are counted in is held by the sessions.
    shared.requestLedger.giveBack(seat.index, shared.addresses)
    shared.prefixRequestLedger.giveBack(seat.index, shared.addresses)
    shared.identityLedger.giveBack(seat.index, shared.addresses)
    shared.prefixLedger.giveBack(seat.index, shared.addresses)
    shared.ledger.giveBack(seat.index, shared.addresses)
    shared.workers.giveBack(seat.index)
    shared.overload.giveBack(seat.index)
    if (this.#stopping) return this.#checkDrained()

    const lived = performance.now() - seat.startedMs
    seat.failures = lived > SETTLED_MS ? 1 : seat.failures + 1
    const waitMs = BACK_OFF_MS[Math.min(seat.failures, BACK_OFF_MS.length) - 1]!
    this.restarts++
    log.error({ worker: seat.index, restart_in_ms: waitMs }, 'worker ended, starting another')
    if (waitMs === 0) return this.#startWorker(seat)
    const timer = setTimeout(() => {
      this.#restartTimers.delete(timer)
      this.#startWorker(seat)
    }, waitMs)
    this.#restartTimers.add(timer)
  }

  /** Ends a worker whose loop hangs: what it holds would never come back by itself. */
  #look(): void {
    const now = performance.now()
    for (const seat of this.#seats) {
      this.#noteHeartbeat(seat, now)
      if (seat.thread === null || now - seat.heartbeatMs < STALLED_MS) continue
      this.#parts.log.error(
        { worker: seat.index, stalled_ms: STALLED_MS },
        'worker hangs, ending it',
      )
      void seat.thread.terminate()
    }
  }

  #noteHeartbeat(seat: Seat, now: number): void {
    const heartbeat = this.#parts.shared.workers.heartbeat(seat.index)
    if (heartbeat === seat.heartbeat) return
    seat.heartbeat = heartbeat
    seat.heartbeatMs = now
  }

  #checkDrained(): void {
    if (this.#seats.every(seat => seat.drained || seat.thread === null)) this.#onDrained?.()
  }

  #post(message: MainMessage): void {
    for (const { thread } of this.#seats) thread?.postMessage(message)
  }
}
