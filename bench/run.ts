/**
 * `npm run bench`: weir against the others on the same work, in turn, in one run.
 *
 * A shared machine's speed drifts: what is compared is the processor time of the proxy per operation,
 * round by round, and quoted as a ratio with its spread.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import yargs from 'yargs'
import { ensureDevelopmentCertificate } from '../src/certificate/development.ts'
import { type Bench, type Figures, measure } from './measure.ts'
import { endAll, isInstalled } from './processes.ts'
import { allProxies } from './proxies.ts'
import { describe, summary, tables } from './report.ts'
import { isAlone, type Scenario } from './scenario.ts'
import { scenarios } from './scenarios.ts'

const options = await yargs(process.argv.slice(2))
  .usage('npm run bench -- [flags]')
  .options({
    rounds: { type: 'number', default: 3, describe: 'Rounds of each proxy, in turn' },
    only: {
      type: 'string',
      array: true,
      choices: Object.keys(scenarios),
      describe: 'Scenarios to run; "leak" runs only if it is named here',
    },
    proxies: {
      type: 'string',
      array: true,
      choices: allProxies,
      describe: 'Proxies to run; weir always does, and all that are installed unless given',
    },
    weir: {
      type: 'string',
      array: true,
      default: [],
      describe: 'Further flags of weir, each as --weir=--access-format=combined',
    },
    scale: { type: 'number', default: 1, describe: 'Multiplies the work of each round' },
    seconds: {
      type: 'number',
      describe: 'How long a round takes, about; as the scenario says if not given',
    },
    minutes: { type: 'number', default: 30, describe: 'Ends the run after this time, failed' },
    json: { type: 'string', describe: 'Write the figures of every round to this file' },
  })
  .strict()
  .parseAsync()

const results: Record<string, Figures> = {}
const directory = mkdtempSync(join(tmpdir(), 'weir-bench-'))
const { cert, key } = ensureDevelopmentCertificate(
  new URL('../certs/dev', import.meta.url).pathname,
)
setTimeout(tooLong, options.minutes * 60_000).unref()
process.on('exit', () => {
  endAll()
  rmSync(directory, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))
const bench: Bench = {
  rounds: options.rounds,
  scale: options.scale,
  seconds: options.seconds,
  proxies: options.proxies,
  weir: options.weir,
  directory,
  cert,
  key,
}
for (const [name, scenario] of Object.entries(scenarios) as [string, Scenario][]) {
  if (!isWanted(name, scenario)) continue
  try {
    results[name] = await measure(scenario, bench)
    process.stdout.write(`${name}: ${describe(scenario, results[name])}\n`)
  } catch (cause) {
    // It has no figures; the others have.
    process.exitCode = 1
    process.stderr.write(`${name}: ${cause instanceof Error ? cause.message : String(cause)}\n`)
  }
}
report()

function report(): void {
  const rows = Object.entries(results).map(
    ([name, figures]) => [name, scenarios[name as keyof typeof scenarios], figures] as const,
  )
  process.stdout.write(`\n${tables(rows.map(([, ...row]) => row))}\n`)
  if (options.json === undefined) return
  const processors = cpus().map(({ model }) => model)
  const run = {
    date: new Date().toISOString(),
    machine: { kernel: release(), processors, node: process.version },
    scenarios: Object.fromEntries(rows.map(([name, ...row]) => [name, summary(...row)])),
  }
  writeFileSync(options.json, `${JSON.stringify(run, null, 2)}\n`)
}

function isWanted(name: string, scenario: Scenario): boolean {
  const asked = options.only?.includes(name) ?? !isAlone(scenario)
  const needed = [scenario.program, scenario.backend === 'files' ? 'nginx' : undefined]
  const missing = needed.find(program => program !== undefined && !isInstalled(program))
  if (asked && missing !== undefined) {
    process.stdout.write(`${name}: left out, ${missing} is not installed\n`)
  }
  return asked && missing === undefined
}

function tooLong(): void {
  report()
  process.stderr.write(`not done within ${options.minutes} minutes (--minutes)\n`)
  process.exit(1)
}
