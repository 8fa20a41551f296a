/** Runs one scenario on every proxy, in turn, round by round. */
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { firstLine } from './line.ts'
import { type Proxy, type ProxyOptions, spawnLoad, startProxy } from './proxies.ts'
import type { Scenario } from './scenarios.ts'

export interface Bench {
  readonly names: readonly string[]
  readonly rounds: number
  readonly scale: number
  readonly proxy: ProxyOptions
}

/** Figures per proxy, a number per round. */
export type Rounds = Record<string, number[]>

interface Work {
  readonly operations: number
  readonly failures: number
}

/** @throws if anything failed: a round counts whole or not at all */
export async function measure(scenario: Scenario, bench: Bench): Promise<Rounds> {
  const rounds: Rounds = Object.fromEntries(bench.names.map(name => [name, []]))
  if (scenario.measure === 'leak') {
    // Its own growth is the question; there is nothing to compare it with.
    rounds['weir']!.push(await inFresh('weir', bench, proxy => leak(proxy, scenario, bench)))
    return rounds
  }
  if (scenario.measure === 'memory') {
    for (const name of bench.names) {
      rounds[name]!.push(await inFresh(name, bench, proxy => memory(proxy, scenario, bench)))
    }
    return rounds
  }
  const proxies: Proxy[] = []
  try {
    for (const name of bench.names) proxies.push(await startProxy(name, bench.proxy))
    // The first round warms up and is not counted.
    for (let round = 0; round <= bench.rounds; round++) {
      for (const proxy of proxies) {
        const micros = await processorTime(proxy, scenario, bench)
        if (round > 0) rounds[proxy.name]!.push(micros)
      }
    }
  } finally {
    for (const proxy of proxies) await proxy.stop()
  }
  return rounds
}

async function inFresh(
  name: string,
  bench: Bench,
  run: (proxy: Proxy) => Promise<number>,
): Promise<number> {
  const proxy = await startProxy(name, bench.proxy)
  try {
    return await run(proxy)
  } finally {
    await proxy.stop()
  }
}

/** @returns microseconds of the proxy per operation */
async function processorTime(proxy: Proxy, scenario: Scenario, bench: Bench): Promise<number> {
  const before = proxy.cpuMicros()
  const { operations } = await load(proxy, scenario, scenario.count * bench.scale)
  return (proxy.cpuMicros() - before) / operations
}

/** @returns bytes of the proxy per connection it holds, after it was used to a tenth as many */
async function memory(proxy: Proxy, scenario: Scenario, bench: Bench): Promise<number> {
  const count = Math.round(scenario.count * bench.scale)
  const release = await hold(proxy, scenario, Math.round(count / 10))
  await release()
  await pause(1000)
  const before = proxy.residentBytes()
  const releaseAll = await hold(proxy, scenario, count)
  await pause(2000)
  const held = proxy.residentBytes()
  await releaseAll()
  return (held - before) / count
}

/**
 * @returns memory after all connections, as a multiple of that after the first tenth
 * @throws if a descriptor is left over
 */
async function leak(proxy: Proxy, scenario: Scenario, bench: Bench): Promise<number> {
  const part = Math.round((scenario.count * bench.scale) / 10)
  await load(proxy, scenario, part)
  await pause(5000)
  const first = proxy.residentBytes()
  const descriptors = proxy.descriptors()
  for (let n = 2; n <= 10; n++) {
    await load(proxy, scenario, part)
    process.stdout.write(`${n * part} connections: ${proxy.residentBytes()} bytes resident\n`)
  }
  await pause(5000)
  const left = proxy.descriptors() - descriptors
  if (left > 0) throw new Error(`${left} descriptors are left after ${10 * part} connections`)
  return proxy.residentBytes() / first
}

async function load(proxy: Proxy, scenario: Scenario, count: number): Promise<Work> {
  const child = spawnLoad(loadArgs(proxy, scenario, Math.round(count)))
  return checked(proxy, JSON.parse(await firstLine(child)) as Work)
}

/** @returns what lets the connections go */
async function hold(proxy: Proxy, scenario: Scenario, count: number): Promise<() => Promise<void>> {
  const child = spawnLoad(loadArgs(proxy, scenario, count))
  checked(proxy, JSON.parse(await firstLine(child)) as Work)
  return async () => {
    child.kill()
    await once(child, 'close')
  }
}

function loadArgs(
  proxy: Proxy,
  { load: kind, port, concurrency }: Scenario,
  count: number,
): string[] {
  return [kind, proxy.ports[port], count, concurrency].map(String)
}

function checked(proxy: Proxy, work: Work): Work {
  if (work.failures === 0) return work
  throw new Error(`${proxy.name}: ${work.failures} of ${work.operations} failed`)
}
