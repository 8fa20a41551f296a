/** Attacks by slowhttptest on weir, with a well-behaved client beside them. */
import { setTimeout as pause } from 'node:timers/promises'
import { firstLine } from './line.ts'
import { end, type Proxy, spawnLoad, spawnProgram } from './processes.ts'
import type { Scenario } from './scenario.ts'
import type { Work } from './work.ts'

const PER_SECOND = 1000
const SECONDS = 20
const SAMPLE_MS = 100
/** Of the well-behaved client, about 6 s worth. */
const REQUESTS = 1000

/** slowhttptest's flags, by the name of the load. */
const attacks: Readonly<Record<string, readonly string[]>> = {
  // Heads that never end: a field every 5 s.
  'slow-head': ['-H', '-i', '5', '-x', '24'],
  // Bodies that never end: some bytes every 5 s.
  'slow-body': ['-B', '-i', '5', '-x', '24', '-s', '8192'],
  // Answers of 1 MiB, three at once, of which 32 bytes are read every 5 s through a small window.
  'slow-read': ['-X', '-k', '3', '-n', '5', '-z', '32', '-w', '512', '-y', '1024'],
}

/** What an attack did to weir. */
export interface Suffering {
  /** 99 of 100 requests of the well-behaved client took no longer, ms: before, and meanwhile. */
  readonly calmP99Ms: number
  readonly p99Ms: number
  /** Most memory above that before the attack, bytes. */
  readonly growth: number
  /** Most connections held. */
  readonly held: number
}

/** @throws if the well-behaved client was not served, or hardly any attacker held */
export async function attack(proxy: Proxy, scenario: Scenario): Promise<Suffering> {
  const url = `http://127.0.0.1:${proxy.ports[scenario.port]}/${scenario.load === 'slow-read' ? '1m' : ''}`
  const calm = await polite(proxy, scenario)
  const memory = proxy.residentBytes()
  const descriptors = proxy.descriptors()
  const attacker = spawnProgram(
    'slowhttptest',
    [
      ...attacks[scenario.load]!,
      ...['-c', scenario.count, '-r', PER_SECOND, '-l', SECONDS, '-u', url, '-v', 0].map(String),
    ],
    '/dev/null',
  )
  try {
    await pause((scenario.count / PER_SECOND + 1) * 1000)
    const peak = watch(proxy)
    const { p99Ms } = await polite(proxy, scenario)
    const { memory: most, descriptors: open } = peak()
    const held = open - descriptors
    if (held < scenario.count / 2) throw new Error(`only ${held} attackers were connected`)
    return { calmP99Ms: calm.p99Ms!, p99Ms: p99Ms!, growth: most - memory, held }
  } finally {
    await end(attacker)
  }
}

async function polite(proxy: Proxy, { port }: Scenario): Promise<Work> {
  const child = spawnLoad(['polite', String(proxy.ports[port]), String(REQUESTS)])
  const work = JSON.parse(await firstLine(child)) as Work
  if (work.failures > 0) throw new Error(`${work.failures} of ${work.operations} requests failed`)
  return work
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
