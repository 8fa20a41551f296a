/** Runs one scenario on every proxy, in turn, round by round. */
import { setTimeout as pause } from 'node:timers/promises'
import { type BackendName, startBackend } from './backends.ts'
import { firstLine } from './line.ts'
import { end, type Proxy, spawnLoad } from './processes.ts'
import { proxyNames, startFor } from './proxies.ts'
import { isAlone, type Scenario } from './scenario.ts'
import type { Work } from './work.ts'

export interface Bench {
  readonly rounds: number
  readonly scale: number
  /** How long a round is to take; what the scenario says, if undefined. */
  readonly seconds: number | undefined
  /** Those besides weir; all that are installed, if undefined. */
  readonly proxies: readonly string[] | undefined
  /** Further flags of weir. */
  readonly weir: readonly string[]
  readonly directory: string
  readonly cert: string
  readonly key: string
}

/**
 * `busy` is the share of its processor that the proxy used: below 1, something else set the pace. `waited` is
 * that in which others had the processor: much of it, and the machine is too busy to measure.
 */
export type FigureName =
  | 'cpu'
  | 'memory'
  | 'leak'
  | 'per-second'
  | 'busy'
  | 'waited'
  | 'p50'
  | 'p99'

/** A number per round and proxy, by what it is. */
export type Figures = Partial<Record<FigureName, Record<string, number[]>>>

/** @throws if anything failed: a round counts whole or not at all */
export async function measure(scenario: Scenario, bench: Bench): Promise<Figures> {
  const names = proxyNames(scenario.port).filter(
    name => name === 'weir' || (!isAlone(scenario) && (bench.proxies?.includes(name) ?? true)),
  )
  const backend = await startBackend(scenario.backend ?? DEFAULT_BACKEND, bench.directory)
  const figures: Figures = {}
  const proxies: Proxy[] = []
  const start = async (name: string): Promise<Proxy> => {
    const { directory, cert, key } = bench
    const flags = [...(scenario.weir ?? []), ...bench.weir]
    const options = { directory, cert, key, flags, backendPort: backend.port }
    const proxy = await startFor(scenario.port, name, options)
    proxies.push(proxy)
    return proxy
  }
  try {
    if (scenario.measure === 'cpu') {
      for (const name of names) await start(name)
      await inTurn(proxies, scenario, bench, figures)
    } else {
      for (const name of names) {
        const proxy = await start(name)
        await alone(proxy, scenario, bench, figures)
        await proxy.stop()
      }
    }
  } finally {
    for (const proxy of proxies) await proxy.stop()
    await backend.stop()
  }
  return figures
}

const DEFAULT_BACKEND: BackendName = 'echo'

async function inTurn(
  proxies: readonly Proxy[],
  scenario: Scenario,
  bench: Bench,
  figures: Figures,
): Promise<void> {
  const { seconds, scale, rounds } = bench
  const counts = proxies.map(() => scenario.count * scale)
  if (scenario.timed && seconds !== undefined) counts.fill(seconds)
  // The first round warms up and is not counted.
  for (let round = 0; round <= rounds; round++) {
    for (const [i, proxy] of proxies.entries()) {
      const before = proxy.processorTime()
      const work = await load(proxy, scenario, Math.ceil(counts[i]!))
      await proxy.log?.take(work.operations)
      const after = proxy.processorTime()
      const micros = after.usedMicros - before.usedMicros
      const waited = after.waitedMicros - before.waitedMicros
      if (round === 0) {
        if (!scenario.timed && seconds !== undefined) counts[i]! *= seconds / work.seconds
        continue
      }
      note(figures, 'cpu', proxy, micros / work.operations)
      note(figures, 'per-second', proxy, work.operations / work.seconds)
      note(figures, 'busy', proxy, micros / 1e6 / work.seconds)
      note(figures, 'waited', proxy, waited / 1e6 / work.seconds)
      if (work.p50Ms !== undefined) note(figures, 'p50', proxy, work.p50Ms)
      if (work.p99Ms !== undefined) note(figures, 'p99', proxy, work.p99Ms)
    }
  }
}

async function alone(
  proxy: Proxy,
  scenario: Scenario,
  bench: Bench,
  figures: Figures,
): Promise<void> {
  const count = Math.round(scenario.count * bench.scale)
  if (scenario.measure === 'memory') {
    note(figures, 'memory', proxy, await memory(proxy, scenario, count))
  } else {
    note(figures, 'leak', proxy, await leak(proxy, scenario, count))
  }
}

function note(figures: Figures, what: FigureName, proxy: Proxy, value: number): void {
  const byProxy = (figures[what] ??= {})
  const rounds = (byProxy[proxy.name] ??= [])
  rounds.push(value)
}

/** @returns bytes of the proxy per connection it holds, after it was used to a tenth as many */
async function memory(proxy: Proxy, scenario: Scenario, count: number): Promise<number> {
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
async function leak(proxy: Proxy, scenario: Scenario, count: number): Promise<number> {
  const part = Math.round(count / 10)
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

async function load(
  proxy: Proxy,
  scenario: Scenario,
  count: number,
): Promise<Work & { readonly seconds: number }> {
  const child = spawnLoad(loadArgs(proxy, scenario, count))
  const work = JSON.parse(await firstLine(child)) as Work & { seconds: number }
  return checked(proxy, work)
}

/** @returns what lets the connections go */
async function hold(proxy: Proxy, scenario: Scenario, count: number): Promise<() => Promise<void>> {
  const child = spawnLoad(loadArgs(proxy, scenario, count))
  checked(proxy, JSON.parse(await firstLine(child)) as Work)
  return () => end(child)
}

function loadArgs(
  proxy: Proxy,
  { load: kind, port, concurrency }: Scenario,
  count: number,
): string[] {
  return [kind, proxy.ports[port], count, concurrency].map(String)
}

function checked<W extends Work>(proxy: Proxy, work: W): W {
  if (work.failures === 0) return work
  throw new Error(`${proxy.name}: ${work.failures} of ${work.operations} failed`)
}
