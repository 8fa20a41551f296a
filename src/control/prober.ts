/**
 * Probes every backend for as long as weir runs, and writes what it finds into the backend table.
 *
 * The probes have the last word: a backend they find well `rise` times in a row after it was ejected
 * is pardoned before its time.
 */
import { performance } from 'node:perf_hooks'
import { createSecureContext } from 'node:tls'
import type { Logger } from 'pino'
import type { Authorities } from '../config/authorities.ts'
import { type BackendConfig, type Config, type PoolConfig, usesTls } from '../config/config.ts'
import { ticks } from '../core/clock.ts'
import { type BackendTable, DOWN, ejectionCauses, UP } from '../shared/backend-table.ts'
import { Health, type HealthState } from './health.ts'
import { type ProbeTarget, probe } from './probe.ts'
import { weightAfter } from './slow-start.ts'

const SWEEP_MS = 200
/** Probes come earlier by up to this share of the interval, never later, so that they do not all fall together. */
const JITTER = 0.2
/** Between the end of a probe that took long and the next one. */
const PAUSE_MIN = 0.1

/** In the order of {@link ejectionCauses}. */
const causeTexts = ['failed dials in a row', 'errors in a row', 'slower than its pool']

type Probe = (target: ProbeTarget, address: string) => Promise<string | null>

/** One backend under watch. */
interface Patient {
  readonly index: number
  readonly pool: PoolConfig
  readonly target: ProbeTarget
  readonly health: Health
  /** When it came back, for slow start; null if it never was away, or is over it. */
  returnedMs: number | null
  /** By cause. */
  readonly ejectionsSeen: number[]
  ejected: boolean
  timer: NodeJS.Timeout | null
}

export interface ProberParts {
  readonly config: Config
  readonly backends: BackendTable
  readonly authorities: Authorities
  readonly address: (backend: number) => string | null
  readonly log: Logger
  readonly probe?: Probe
}

export class Prober {
  /** Changes of state since start, by backend. */
  readonly changes: { readonly up: number[]; readonly down: number[] }
  readonly #parts: ProberParts
  readonly #patients: Patient[]
  readonly #probe: Probe
  readonly #verdicts = new Set<number>()
  readonly #firstRound = Promise.withResolvers<void>()
  #sweep: NodeJS.Timeout | null = null

  constructor(parts: ProberParts) {
    this.#parts = parts
    this.#probe = parts.probe ?? probe
    let index = 0
    this.#patients = parts.config.pools.flatMap(pool =>
      pool.backends.map(backend => patient(index++, pool, backend, parts.authorities)),
    )
    this.changes = { up: this.#patients.map(() => 0), down: this.#patients.map(() => 0) }
  }

  /** Writes the configured weights and limits into the table and begins to probe. */
  start(): void {
    const { backends } = this.#parts
    for (const patient of this.#patients) {
      const { weight, maxConnections, backup, drain } = patient.target.backend
      backends.configure(patient.index, maxConnections, backup, drain)
      backends.setWeight(patient.index, weightAfter(weight, null, 0))
      if (patient.pool.probe.kind === 'none') {
        patient.health.state = 'up'
        backends.setState(patient.index, UP)
        this.#judged(patient)
      } else {
        void this.#examine(patient)
      }
    }
    // A weir that only redirects has none to wait for.
    if (this.#patients.length === 0) this.#firstRound.resolve()
    this.#sweep = setInterval(() => this.sweep(performance.now()), SWEEP_MS)
  }

  stop(): void {
    if (this.#sweep !== null) clearInterval(this.#sweep)
    for (const patient of this.#patients) {
      if (patient.timer !== null) clearTimeout(patient.timer)
      patient.timer = null
    }
  }

  /** Resolves when every backend has been judged once. */
  firstRound(): Promise<void> {
    return this.#firstRound.promise
  }

  state(backend: number): HealthState {
    return this.#patients[backend]!.health.state
  }

  async #examine(patient: Patient): Promise<void> {
    const address = this.#parts.address(patient.index)
    const begunMs = performance.now()
    const cause =
      address === null ? 'its name does not resolve' : await this.#probe(patient.target, address)
    this.#note(patient, cause)
    this.#judged(patient)
    if (this.#sweep === null) return
    const waitMs = pauseBefore(
      patient.pool.probe.intervalMs,
      performance.now() - begunMs,
      Math.random(),
    )
    patient.timer = setTimeout(() => void this.#examine(patient), waitMs)
  }

  /** @param cause null if the probe was good */
  #note(patient: Patient, cause: string | null): void {
    const { backends, log } = this.#parts
    const { index, health, pool, target } = patient
    const before = health.state
    const changed = health.note(cause === null)
    if (cause === null && health.goodInRow >= pool.probe.rise) this.#pardon(patient)
    if (!changed) return
    const facts = { pool: pool.name, backend: target.backend.name, from: before, to: health.state }
    if (health.state === 'up') {
      this.changes.up[index]!++
      if (before === 'down') this.#returned(patient)
      backends.setState(index, UP)
      log.info({ ...facts, cause: whyUp(before, pool) }, 'backend is up')
    } else {
      this.changes.down[index]!++
      backends.setState(index, DOWN)
      log.warn({ ...facts, cause }, 'backend is down')
    }
  }

  #returned(patient: Patient): void {
    patient.returnedMs = performance.now()
    this.#parts.backends.pardon(patient.index)
    this.#weigh(patient, patient.returnedMs)
  }

  #pardon(patient: Patient): void {
    const { backends } = this.#parts
    if (backends.ejections(patient.index) === 0) return
    if (backends.isEjected(patient.index, ticks())) patient.returnedMs = performance.now()
    this.#weigh(patient, performance.now())
    backends.pardon(patient.index)
  }

  /** A few times a second: the ramps of slow start, and ejections to tell of. */
  sweep(nowMs: number): void {
    const { backends, log } = this.#parts
    for (const patient of this.#patients) {
      if (patient.returnedMs !== null) this.#weigh(patient, nowMs)
      const facts = { pool: patient.pool.name, backend: patient.target.backend.name }
      const ejected = backends.isEjected(patient.index, ticks())
      let more = false
      for (const [cause, text] of causeTexts.entries()) {
        const ejections = backends.ejectionsTotal(patient.index, cause)
        if (ejections === patient.ejectionsSeen[cause]) continue
        patient.ejectionsSeen[cause] = ejections
        more = true
        log.warn({ ...facts, ejections, cause: text }, 'backend ejected')
      }
      if (patient.ejected && !ejected && !more) log.info(facts, 'ejection is over')
      patient.ejected = ejected
    }
  }

  #weigh(patient: Patient, nowMs: number): void {
    const { returnedMs, pool, target, index } = patient
    const sinceMs = returnedMs === null ? null : nowMs - returnedMs
    this.#parts.backends.setWeight(
      index,
      weightAfter(target.backend.weight, sinceMs, pool.slowStartMs),
    )
    if (sinceMs !== null && sinceMs >= pool.slowStartMs) patient.returnedMs = null
  }

  #judged(patient: Patient): void {
    this.#verdicts.add(patient.index)
    if (this.#verdicts.size === this.#patients.length) this.#firstRound.resolve()
  }
}

/**
 * From the end of a probe to the next one, ms: from one beginning to the next it is no more than the interval,
 * so that `rise` good ones are seen within `rise` intervals, also after probes that ran into their timeout.
 *
 * @param tookMs the last one
 * @param random from 0 to 1
 */
export function pauseBefore(intervalMs: number, tookMs: number, random: number): number {
  return Math.max(intervalMs * (1 - JITTER * random) - tookMs, intervalMs * PAUSE_MIN)
}

function whyUp(before: HealthState, { probe }: PoolConfig): string {
  if (before === 'checking') return 'its first probe was good'
  return `${probe.rise} good ${probe.rise === 1 ? 'probe' : 'probes in a row'}`
}

function patient(
  index: number,
  pool: PoolConfig,
  backend: BackendConfig,
  authorities: Authorities,
): Patient {
  const ca = backend.ca === null ? {} : { ca: authorities.get(backend.ca)! }
  const secureContext = usesTls(backend.scheme) ? createSecureContext(ca) : null
  return {
    index,
    pool,
    target: { backend, probe: pool.probe, sendProxy: pool.sendProxy, secureContext },
    health: new Health(pool.probe.rise, pool.probe.fall),
    returnedMs: null,
    ejectionsSeen: ejectionCauses.map(() => 0),
    ejected: false,
    timer: null,
  }
}
