/** One attack on one proxy: what a client that behaves has of it, and what it costs the proxy. */
import { setTimeout as pause } from 'node:timers/promises'
import { firstLine } from '../line.ts'
import { end, type Proxy, spawnScript } from '../processes.ts'
import { quantile } from '../work.ts'
import type { Assault, Attack } from './attack.ts'
import type { Order } from './attacker.ts'
import type { ClientOrder, PoliteRequest } from './client.ts'

/**
 * What it did, first and without a count: code that has hardly run is slow, is compiled beside, and takes memory, once. That
 * is over after so many events, whatever time they take; an attack lasts longer.
 */
const WARM_EVENTS = 40_000
const WARM_SECONDS_MIN = 4
const WARM_SECONDS_MAX = 25
/** Until what the warm-up left is gone: buckets are full again, kept connections are closed. */
const SETTLE_MS = 2500
/** The client is left out of account for so long when the attack begins. */
const BEGIN_MS = 300
/** Until it has done what is to be done about those who left. */
const LEFT_MS = 300
const SAMPLE_MS = 100
const BACK_SECONDS = 60
/** The others are looked at for as long as the run can spare. */
const OTHERS_BACK_SECONDS = 8
const MIB = 1024 * 1024
/** Memory is back below this: what a runtime takes and keeps for a while is no leak. */
const BACK_SHARE = 1.1
const BACK_BYTES = 8 * MIB

export interface Timing {
  readonly quietSeconds: number
  readonly attackSeconds: number
}

/** Of the client that behaves. */
export interface Service {
  readonly requests: number
  /** Of them that were served, 0 to 1. */
  readonly success: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Those that were not, by what came instead. */
  readonly failures: Readonly<Record<string, number>>
}

export interface Outcome {
  readonly quiet: Service
  readonly attacked: Service
  /** Hostile events, by the attacker's own count. */
  readonly events: number
  readonly perSecond: number
  readonly outcomes: Readonly<Record<string, number>>
  /** Processor time of the proxy, beyond what it takes when it is quiet. */
  readonly microsPerEvent: number
  /** Share of its processor that it used. */
  readonly busy: number
  /** Resident, bytes. */
  readonly memoryBefore: number
  readonly memoryPeak: number
  readonly memoryAfter: number
  /** Seconds until memory and descriptors were back; null if they were not after a minute. */
  readonly memoryBackSeconds: number | null
  readonly descriptorsBefore: number
  readonly descriptorsPeak: number
  readonly descriptorsAfter: number
}

/** @param apiKey that the client has; '' for none */
export async function attackOnce(
  proxy: Proxy,
  attack: Attack,
  timing: Timing,
  apiKey: string,
): Promise<Outcome> {
  await assault(proxy, attack, warmSeconds(attack))
  await pause(SETTLE_MS)
  const descriptorsBefore = proxy.descriptors()
  const seconds = timing.quietSeconds + timing.attackSeconds + 1
  const client = behave({
    port: proxy.ports[attack.port],
    secure: attack.port === 'https',
    seconds,
    apiKey,
  })
  await pause(BEGIN_MS)
  const quietStartMs = Date.now()
  const quietUsed = proxy.processorTime().usedMicros
  await pause(timing.quietSeconds * 1000)
  const quietEndMs = Date.now()
  const memoryBefore = proxy.residentBytes()
  const used = proxy.processorTime().usedMicros
  const quietShare = (used - quietUsed) / (quietEndMs - quietStartMs)

  const peaks = watch(proxy)
  const done = await assault(proxy, attack, timing.attackSeconds)
  await pause(LEFT_MS)
  const goneMs = Date.now()
  const attackUsed = proxy.processorTime().usedMicros - used
  const { memory: memoryPeak, descriptors: descriptorsPeak } = peaks()
  const requests = await client
  const back = await untilBack(proxy, memoryBefore, descriptorsBefore, goneMs)
  const lastedMs = done.endMs - done.startMs
  return {
    quiet: serviceOf(requests, quietStartMs, quietEndMs),
    attacked: serviceOf(requests, done.startMs + BEGIN_MS, done.endMs),
    events: done.events,
    perSecond: done.events / (lastedMs / 1000),
    outcomes: done.outcomes,
    microsPerEvent: Math.max(0, attackUsed - quietShare * (goneMs - quietEndMs)) / done.events,
    busy: attackUsed / 1000 / (goneMs - quietEndMs),
    memoryBefore,
    memoryPeak,
    descriptorsBefore,
    descriptorsPeak,
    ...back,
  }
}

function warmSeconds({ perSecond }: Attack): number {
  if (perSecond === undefined) return WARM_SECONDS_MIN
  return Math.min(WARM_SECONDS_MAX, Math.max(WARM_SECONDS_MIN, WARM_EVENTS / perSecond))
}

/** The round of the median processor time; but the service is that of the worst one. @param outcomes one at least */
export function medianOutcome(outcomes: readonly Outcome[]): Outcome {
  const byTime = outcomes.toSorted((a, b) => a.microsPerEvent - b.microsPerEvent)
  const median = byTime[Math.floor((byTime.length - 1) / 2)]!
  const worst = outcomes.reduce((a, b) => (b.attacked.success < a.attacked.success ? b : a))
  return worst.attacked.success < median.attacked.success
    ? { ...median, attacked: worst.attacked, quiet: worst.quiet }
    : median
}

/** The attacker yields to whom it shares its processor with: the client is not to wait for that. */
async function assault(proxy: Proxy, attack: Attack, seconds: number): Promise<Assault> {
  const { behaviour, source, concurrency, perSecond, port } = attack
  const order: Order = {
    behaviour,
    source,
    concurrency,
    perSecond,
    seconds,
    port: proxy.ports[port],
  }
  const child = spawnScript(ATTACKER, [JSON.stringify(order)], 'nice')
  try {
    return JSON.parse(await firstLine(child)) as Assault
  } finally {
    await end(child)
  }
}

const ATTACKER = new URL('attacker.ts', import.meta.url).pathname
const CLIENT = new URL('client.ts', import.meta.url).pathname

async function behave(order: ClientOrder): Promise<PoliteRequest[]> {
  const child = spawnScript(CLIENT, [JSON.stringify(order)])
  return JSON.parse(await firstLine(child)) as PoliteRequest[]
}

function serviceOf(all: readonly PoliteRequest[], fromMs: number, toMs: number): Service {
  const took = all.filter(([dueMs]) => dueMs >= fromMs && dueMs < toMs)
  const served = took.filter(([, , failure]) => failure === '').map(([, each]) => each)
  const failures: Record<string, number> = {}
  for (const [, , failure] of took) {
    if (failure !== '') failures[failure] = (failures[failure] ?? 0) + 1
  }
  return {
    requests: took.length,
    success: served.length / took.length,
    p50Ms: quantile(served, 0.5),
    p99Ms: quantile(served, 0.99),
    failures,
  }
}

async function untilBack(
  proxy: Proxy,
  memoryBefore: number,
  descriptorsBefore: number,
  sinceMs: number,
): Promise<Pick<Outcome, 'memoryAfter' | 'memoryBackSeconds' | 'descriptorsAfter'>> {
  const secondsMax = proxy.name.startsWith('weir') ? BACK_SECONDS : OTHERS_BACK_SECONDS
  const most = Math.max(memoryBefore * BACK_SHARE, memoryBefore + BACK_BYTES)
  for (;;) {
    const memoryAfter = proxy.residentBytes()
    const descriptorsAfter = proxy.descriptors()
    const seconds = (Date.now() - sinceMs) / 1000
    const isBack = memoryAfter <= most
    if ((isBack && descriptorsAfter <= descriptorsBefore) || seconds > secondsMax) {
      return { memoryAfter, descriptorsAfter, memoryBackSeconds: isBack ? seconds : null }
    }
    await pause(SAMPLE_MS)
  }
}

/** @returns what ends the watch and tells the peaks */
function watch(proxy: Proxy): () => { memory: number; descriptors: number } {
  let memory = 0
  let descriptors = 0
  const look = (): void => {
    memory = Math.max(memory, proxy.residentBytes())
    descriptors = Math.max(descriptors, proxy.descriptors())
  }
  const timer = setInterval(look, SAMPLE_MS)
  return () => {
    clearInterval(timer)
    look()
    return { memory, descriptors }
  }
}
