/**
 * `npm run bench:attack`: attacks on weir, HAProxy and nginx at the same limits, and clients beside them that
 * behave. Ends with 1 if weir misses something that is wanted of it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import yargs from 'yargs'
import { makeKey } from '../../src/auth/api-key-form.ts'
import { ensureDevelopmentCertificate } from '../../src/certificate/development.ts'
import { type Backend, startBackend } from '../backends.ts'
import { endAll, freePort, isInstalled, type Ports, startProxy } from '../processes.ts'
import type { Attack } from './attack.ts'
import { attacks } from './attacks.ts'
import { keysFile } from './keys.ts'
import { defaultLimits } from './limits.ts'
import { isInNamespace, runInNamespace } from './namespace.ts'
import { type AttackedName, attackedProxies, special } from './proxies.ts'
import { describeOutcome, type Result, resultTable } from './report.ts'
import { attackOnce, medianOutcome, type Outcome } from './round.ts'
import { misses } from './verdict.ts'

const names = Object.keys(attackedProxies) as AttackedName[]
const options = await yargs(process.argv.slice(2))
  .usage('npm run bench:attack -- [flags]')
  .options({
    only: {
      type: 'string',
      array: true,
      choices: Object.keys(attacks),
      describe: 'Attacks to run; all unless given',
    },
    proxies: {
      type: 'string',
      array: true,
      choices: names,
      describe: 'Proxies to attack; all that are installed unless given',
    },
    seconds: { type: 'number', default: 8, describe: 'Of each attack' },
    quiet: { type: 'number', default: 4, describe: 'Seconds without one before it' },
    rounds: {
      type: 'number',
      default: 1,
      describe: 'Of each attack, the proxies in turn; told is the one of the median processor time',
    },
    weir: {
      type: 'string',
      array: true,
      default: [],
      describe: 'Further flags of weir, each as --weir=--workers=2',
    },
    minutes: { type: 'number', default: 60, describe: 'Ends the run after this time, failed' },
    json: { type: 'string', describe: 'Write what was found to this file' },
  })
  .strict()
  .parseAsync()

if (!isInNamespace()) {
  const status = await runInNamespace()
  if (status !== null) process.exit(status)
  process.stdout.write('no network namespace can be made here: attacks from IPv6 are left out\n')
}

const results: Record<string, Result> = {}
const directory = mkdtempSync(join(tmpdir(), 'weir-attack-'))
const { cert, key } = ensureDevelopmentCertificate(
  new URL('../../certs/dev', import.meta.url).pathname,
)
setTimeout(tooLong, options.minutes * 60_000).unref()
process.on('exit', () => {
  endAll()
  rmSync(directory, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => process.exit(1))

const proxies = names.filter(
  name =>
    (options.proxies?.includes(name) ?? true) &&
    (name === 'weir with kernel bans'
      ? isInNamespace() && isInstalled('nft')
      : isWeir(name) || isInstalled(name.split(' ')[0]!)),
)
for (const [name, attack] of Object.entries(attacks) as [string, Attack][]) {
  if (options.only?.includes(name) === false || !isPossible(name, attack)) continue
  process.stdout.write(`${name}: ${attack.about}\n`)
  try {
    const outcomes = await attackAll(attack)
    const found = Object.keys(outcomes)
      .filter(isWeir)
      .flatMap(proxy => misses(attack, proxy, outcomes).map(each => `${proxy}: ${each}`))
    results[name] = { attack, outcomes, misses: found }
    if (found.length > 0) process.exitCode = 1
    process.stdout.write(found.map(each => `  misses: ${each}\n`).join(''))
  } catch (cause) {
    // It has no figures; the others have.
    process.exitCode = 1
    process.stderr.write(`${name}: ${cause instanceof Error ? cause.message : String(cause)}\n`)
  }
}
report()

/** Round after round, the proxies in turn. @returns what came of it, by proxy */
async function attackAll(attack: Attack): Promise<Record<string, Outcome>> {
  const attacked = proxies.filter(
    proxy =>
      (special.includes(proxy)
        ? attack.besides?.includes(proxy) === true
        : attack.proxies?.includes(proxy) !== false) &&
      (!proxy.startsWith('weir with') || attack.bans !== undefined),
  )
  const rounds = attacked.map(proxy => ({ proxy, outcomes: [] as Outcome[] }))
  for (let n = 0; n < options.rounds; n++) {
    for (const { proxy, outcomes } of rounds) {
      const outcome = await attackOn(proxy, attack)
      outcomes.push(outcome)
      process.stdout.write(`  ${describeOutcome(proxy, outcome)}\n`)
    }
  }
  return Object.fromEntries(rounds.map(({ proxy, outcomes }) => [proxy, medianOutcome(outcomes)]))
}

/** A proxy and a backend of its own: nothing is left of the attack before. */
async function attackOn(name: AttackedName, attack: Attack): Promise<Outcome> {
  const backend: Backend = await startBackend(attack.backend ?? 'echo', directory)
  try {
    const port = await freePort()
    const apiKey = attack.keys === undefined ? '' : makeKey()
    const ports: Ports = { http: port, https: await freePort(), tcp: 0, tls: 0, deny: 0, rate: 0 }
    const setting = {
      limits: { ...defaultLimits, ...attack.limits },
      directory,
      backendPort: backend.port,
      cert,
      key,
      log: join(directory, `${name}-access.log`),
      adminPort: await freePort(),
      adminSocket: join(directory, 'admin.sock'),
      apiKey,
      keysFile: keysFile(directory, apiKey),
      flags: options.weir,
    }
    const proxy = await startProxy({
      name,
      ports,
      args: attackedProxies[name](setting, ports),
      listens: ['http', 'https'],
      log: setting.log,
      errors: join(directory, `${name}-errors.log`),
    })
    try {
      const timing = { quietSeconds: options.quiet, attackSeconds: options.seconds }
      return await attackOnce(proxy, attack, timing, apiKey)
    } finally {
      await proxy.stop()
    }
  } finally {
    await backend.stop()
  }
}

function isWeir(name: string): boolean {
  return name.startsWith('weir')
}

function isPossible(name: string, { source, backend }: Attack): boolean {
  const reason =
    source === 'ipv6' && !isInNamespace()
      ? 'there is no namespace'
      : backend === 'files' && !isInstalled('nginx')
        ? 'nginx is not installed'
        : undefined
  if (reason !== undefined) process.stdout.write(`${name}: left out, ${reason}\n`)
  return reason === undefined
}

function report(): void {
  process.stdout.write(`\n${resultTable(Object.values(results))}\n`)
  if (options.json === undefined) return
  const processors = cpus().map(({ model }) => model)
  const run = {
    date: new Date().toISOString(),
    machine: { kernel: release(), processors, node: process.version },
    attacks: results,
  }
  writeFileSync(options.json, `${JSON.stringify(run, null, 2)}\n`)
}

function tooLong(): void {
  report()
  process.stderr.write(`not done within ${options.minutes} minutes (--minutes)\n`)
  process.exit(1)
}
