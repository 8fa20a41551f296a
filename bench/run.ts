/**
 * `npm run bench`: weir against HAProxy and nginx on the same work, in turn, in one run.
 *
 * A shared machine's speed drifts: what is compared is the processor time of the proxy per operation,
 * round by round, and quoted as a ratio with its spread.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import yargs from 'yargs'
import { ensureDevelopmentCertificate } from '../src/certificate/development.ts'
import { isInstalled, type Proxy, proxyNames, spawnLoad, startProxy } from './proxies.ts'
import { type Scenario, scenarios } from './scenarios.ts'
import { median, ratios, table } from './stats.ts'

const options = await yargs(process.argv.slice(2))
  .usage('npm run bench -- [flags]')
  .options({
    rounds: { type: 'number', default: 5, describe: 'Rounds of each proxy, in turn' },
    only: {
      type: 'string',
      array: true,
      choices: Object.keys(scenarios),
      describe: 'Scenarios to run',
    },
    scale: { type: 'number', default: 1, describe: 'Multiplies the work of each round' },
    json: { type: 'string', describe: 'Write the figures of every round to this file' },
  })
  .strict()
  .parseAsync()

/** Figures per proxy, a number per round. */
type Rounds = Record<string, number[]>

const directory = mkdtempSync(join(tmpdir(), 'weir-bench-'))
const { cert, key } = ensureDevelopmentCertificate(
  new URL('../certs/dev', import.meta.url).pathname,
)
const names = proxyNames.filter(isInstalled)
const backend = spawnLoad(['backend'])
const { port: backendPort } = JSON.parse(await firstLine(backend.stdout!)) as { port: number }
const results: Record<string, Rounds> = {}
try {
  for (const [name, scenario] of Object.entries(scenarios) as [string, Scenario][]) {
    if (options.only !== undefined && !options.only.includes(name)) continue
    results[name] = await measure(scenario)
    process.stdout.write(`${name}: ${describe(results[name], scenario)}\n`)
  }
} finally {
  backend.kill()
  rmSync(directory, { recursive: true })
}
process.stdout.write(
  `\n${table(
    names,
    Object.entries(results).map(([name, rounds]) => row(name, rounds)),
  )}\n`,
)
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`)

async function measure(scenario: Scenario): Promise<Rounds> {
  const rounds: Rounds = Object.fromEntries(names.map(name => [name, []]))
  const proxies: Proxy[] = []
  try {
    if (scenario.measure === 'cpu')
      for (const name of names)
        proxies.push(await startProxy(name, { directory, backendPort, cert, key }))
    // The first round warms up and is not counted.
    for (let round = 0; round <= (scenario.measure === 'cpu' ? options.rounds : 1); round++) {
      for (const name of names) {
        const proxy =
          proxies.find(each => each.name === name) ??
          (await startProxy(name, { directory, backendPort, cert, key }))
        const figure = await (scenario.measure === 'cpu'
          ? cpuRound(proxy, scenario)
          : memoryRound(proxy, scenario))
        if (round > 0) rounds[name]!.push(figure)
        if (!proxies.includes(proxy)) await proxy.stop()
      }
    }
  } finally {
    for (const proxy of proxies) await proxy.stop()
  }
  return rounds
}

/** Microseconds of the proxy per operation. @throws if anything failed: a round counts whole or not */
async function cpuRound(
  proxy: Proxy,
  { load, port, count, concurrency }: Scenario,
): Promise<number> {
  const before = proxy.cpuMicros()
  const args = [load, proxy.ports[port], Math.round(count * options.scale), concurrency]
  const child = spawnLoad(args.map(String))
  const { operations, failures } = JSON.parse(await firstLine(child.stdout!)) as {
    operations: number
    failures: number
  }
  if (failures > 0) throw new Error(`${proxy.name}: ${failures} of ${operations} ${load} failed`)
  return (proxy.cpuMicros() - before) / operations
}

/** Bytes of the proxy per connection it holds, after it was used to as many before. */
async function memoryRound(
  proxy: Proxy,
  { load, port, count, concurrency }: Scenario,
): Promise<number> {
  const hold = async (connections: number): Promise<() => Promise<void>> => {
    const child = spawnLoad([load, proxy.ports[port], connections, concurrency].map(String))
    const { failures } = JSON.parse(await firstLine(child.stdout!)) as { failures: number }
    if (failures > 0) throw new Error(`${proxy.name}: ${failures} connections failed`)
    return async () => {
      child.kill()
      await once(child, 'close')
    }
  }
  const release = await hold(Math.round(count / 10))
  await release()
  await pause(1000)
  const before = proxy.residentBytes()
  const releaseAll = await hold(count)
  await pause(2000)
  const held = proxy.residentBytes()
  await releaseAll()
  return (held - before) / count
}

async function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  const [line] = (await once(createInterface({ input: stream }), 'line')) as [string]
  return line
}

function describe(rounds: Rounds, { unit, measure: what, target }: Scenario): string {
  const suffix = what === 'cpu' ? 'µs' : 'bytes'
  const figures = names.map(name => `${name} ${median(rounds[name]!).toFixed(1)} ${suffix}`)
  const [low, middle, high] = ratios(rounds['weir']!, rounds['haproxy'] ?? [])
  const ratio =
    rounds['haproxy'] === undefined ? '' : `; weir/haproxy ${middle} (${low} to ${high})`
  return `${figures.join(', ')} per ${unit}${ratio}${target === undefined ? '' : `, wanted ${target}`}`
}

function row(name: string, rounds: Rounds): string[] {
  const scenario: Scenario = scenarios[name as keyof typeof scenarios]
  const unit = scenario.measure === 'cpu' ? 'µs' : 'B'
  const [low, middle, high] = ratios(rounds['weir']!, rounds['haproxy'] ?? [])
  return [
    scenario.about,
    ...names.map(each => `${median(rounds[each]!).toFixed(1)} ${unit}`),
    rounds['haproxy'] === undefined ? '' : `**${middle}** (${low} to ${high})`,
  ]
}
