/**
 * `npm run bench`: weir against HAProxy and nginx on the same work, in turn, in one run.
 *
 * A shared machine's speed drifts: what is compared is the processor time of the proxy per operation,
 * round by round, and quoted as a ratio with its spread.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import yargs from 'yargs'
import { ensureDevelopmentCertificate } from '../src/certificate/development.ts'
import { firstLine } from './line.ts'
import { type Bench, measure, type Rounds } from './measure.ts'
import { isInstalled, proxyNames, spawnLoad } from './proxies.ts'
import { type Scenario, scenarios } from './scenarios.ts'
import { figure, median, ratios, table } from './stats.ts'

const options = await yargs(process.argv.slice(2))
  .usage('npm run bench -- [flags]')
  .options({
    rounds: { type: 'number', default: 5, describe: 'Rounds of each proxy, in turn' },
    only: {
      type: 'string',
      array: true,
      choices: Object.keys(scenarios),
      describe: 'Scenarios to run; "leak" runs only if it is named here',
    },
    scale: { type: 'number', default: 1, describe: 'Multiplies the work of each round' },
    minutes: { type: 'number', default: 30, describe: 'Ends the run after this time, failed' },
    json: { type: 'string', describe: 'Write the figures of every round to this file' },
  })
  .strict()
  .parseAsync()

const names = proxyNames.filter(isInstalled)
const results: Record<string, Rounds> = {}
const directory = mkdtempSync(join(tmpdir(), 'weir-bench-'))
const { cert, key } = ensureDevelopmentCertificate(
  new URL('../certs/dev', import.meta.url).pathname,
)
const backend = spawnLoad(['backend'])
setTimeout(tooLong, options.minutes * 60_000).unref()
try {
  const { port } = JSON.parse(await firstLine(backend)) as { port: number }
  const bench: Bench = {
    names,
    rounds: options.rounds,
    scale: options.scale,
    proxy: { directory, backendPort: port, cert, key },
  }
  for (const [name, scenario] of Object.entries(scenarios) as [string, Scenario][]) {
    if (!isWanted(name, scenario)) continue
    results[name] = await measure(scenario, bench)
    process.stdout.write(`${name}: ${describe(results[name], scenario)}\n`)
  }
} finally {
  backend.kill()
  rmSync(directory, { recursive: true })
}
const rows = Object.entries(results).map(([name, rounds]) => row(name, rounds))
process.stdout.write(`\n${table(names, rows)}\n`)
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`)

function isWanted(name: string, scenario: Scenario): boolean {
  if (scenario.program !== undefined && !isInstalled(scenario.program)) return false
  return options.only === undefined ? scenario.measure !== 'leak' : options.only.includes(name)
}

function tooLong(): void {
  process.stderr.write(`not done within ${options.minutes} minutes (--minutes)\n`)
  // Proxies and loads are of our process group and end with their pipes or by their own deadline.
  process.exit(1)
}

function describe(rounds: Rounds, { measure: what, unit, target, limit }: Scenario): string {
  const figures = names
    .filter(name => rounds[name]!.length > 0)
    .map(name => `${name} ${figure(median(rounds[name]!), what)}`)
  const parts = [`${figures.join(', ')} per ${unit}`]
  if (limit !== undefined) parts.push(`weir may have ${figure(limit, what)}`)
  if ((rounds['haproxy'] ?? []).length > 0) {
    const [low, middle, high] = ratios(rounds['weir']!, rounds['haproxy']!)
    parts.push(`weir/haproxy ${middle} (${low} to ${high})`)
  }
  if (target !== undefined) parts.push(`wanted ${target}`)
  return parts.join('; ')
}

function row(name: string, rounds: Rounds): string[] {
  const scenario: Scenario = scenarios[name as keyof typeof scenarios]
  const [low, middle, high] = ratios(rounds['weir']!, rounds['haproxy'] ?? [])
  return [
    scenario.about,
    ...names.map(each =>
      rounds[each]!.length === 0 ? '' : figure(median(rounds[each]!), scenario.measure),
    ),
    (rounds['haproxy'] ?? []).length === 0 ? '' : `**${middle}** (${low} to ${high})`,
  ]
}
