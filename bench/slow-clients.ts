/**
 * `npm run bench:slow`: thousands of clients that are slow or wait (slowhttptest, and those that asked once and stay),
 * all let in, and what others and weir's memory have of it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { ClientOrder, PoliteRequest } from './attack/client.ts'
import { type Backend, type BackendName, startBackend } from './backends.ts'
import { firstLine } from './line.ts'
import {
  end,
  endAll,
  freePort,
  isInstalled,
  type Proxy,
  spawnLoad,
  spawnProgram,
  spawnScript,
  startProxy,
} from './processes.ts'
import { table } from './stats.ts'
import { quantile } from './work.ts'

const KIB = 1024
const MIB = KIB * KIB
const CLI = new URL('../src/cli.ts', import.meta.url).pathname
const CLIENT = new URL('attack/client.ts', import.meta.url).pathname
const SECONDS = 25
const IDLE = 9500
const SLOW = 2000
const SAMPLE_MS = 100
const WANTED_P99_MS = 50
const WANTED_MEMORY = 150 * MIB

/** Of slowhttptest, which opens its connections in a burst each second. */
const held = ['-c', `${SLOW}`, '-r', '100', '-l', `${SECONDS}`, '-p', '5', '-v', '0']

interface Crowd {
  readonly about: string
  readonly backend: BackendName
  start(port: number): ReturnType<typeof spawnProgram>
}

const crowds: readonly Crowd[] = [
  {
    about: `${IDLE} that asked once and stay`,
    backend: 'files',
    start: port => spawnLoad(['idle-http', `${port}`, `${IDLE}`, '16']),
  },
  {
    about: `${SLOW} heads that never end (slowhttptest -H)`,
    backend: 'files',
    start: port => slow(port, '/', ['-H', '-i', '1', '-x', '24']),
  },
  {
    about: `${SLOW} bodies that never end (-B)`,
    backend: 'sink',
    start: port => slow(port, '/', ['-B', '-i', '1', '-s', '8192', '-x', '10']),
  },
  {
    about: `${SLOW} that read three MiB slowly (-X)`,
    backend: 'files',
    start: port => slow(port, '/1m', ['-X', '-w', '512', '-y', '1024', '-k', '3']),
  },
]

for (const program of ['slowhttptest', 'nginx']) {
  if (isInstalled(program)) continue
  process.stderr.write(`bench:slow needs ${program}; apt install slowhttptest nginx\n`)
  process.exit(2)
}

const directory = mkdtempSync(join(tmpdir(), 'weir-slow-'))
const rows: string[][] = []
try {
  for (const crowd of crowds) rows.push(await endure(crowd))
} finally {
  endAll()
  rmSync(directory, { recursive: true })
}
const head = ['clients', 'open', 'others served', 'p50 / p99', 'memory', 'more at most', 'each']
process.stdout.write(`${table(head, rows)}\n`)

async function endure(crowd: Crowd): Promise<string[]> {
  const backend = await startBackend(crowd.backend, directory)
  const weir = await startWeir(backend)
  const { http } = weir.ports
  // Code that never ran is slow and takes memory, once.
  await behave({ port: http, secure: false, seconds: 3, apiKey: '' })
  await pause(1000)
  const before = weir.residentBytes()
  const descriptors = weir.descriptors()
  const load = crowd.start(http)
  let [memory, open] = [0, 0]
  const timer = setInterval(() => {
    memory = Math.max(memory, weir.residentBytes())
    open = Math.max(open, weir.descriptors())
  }, SAMPLE_MS)
  const requests = await behave({ port: http, secure: false, seconds: SECONDS, apiKey: '' })
  clearInterval(timer)
  await end(load)
  await weir.stop()
  await backend.stop()

  const failures = requests.map(([, , failure]) => failure).filter(each => each !== '')
  if (failures.length > 0) process.stderr.write(`not served: ${failures.join(', ')}\n`)
  const took = requests.filter(([, , failure]) => failure === '').map(([, each]) => each)
  const p99 = quantile(took, 0.99)
  const grown = memory - before
  const all = took.length === requests.length
  if (!all || p99 > WANTED_P99_MS || grown > WANTED_MEMORY) process.exitCode = 1
  return [
    crowd.about,
    `${open - descriptors}`,
    `${((100 * took.length) / requests.length).toFixed(1)} %`,
    `${quantile(took, 0.5).toFixed(1)} / ${p99.toFixed(1)} ms`,
    `${(before / MIB).toFixed(0)} MiB`,
    `${(grown / MIB).toFixed(0)} MiB`,
    `${(grown / (open - descriptors) / KIB).toFixed(1)} KiB`,
  ]
}

async function behave(order: ClientOrder): Promise<PoliteRequest[]> {
  return JSON.parse(
    await firstLine(spawnScript(CLIENT, [JSON.stringify(order)])),
  ) as PoliteRequest[]
}

function slow(port: number, path: string, flags: readonly string[]) {
  return spawnProgram('slowhttptest', [...flags, ...held, '-u', `http://127.0.0.1:${port}${path}`])
}

/** With its own deadlines, and without the limits that would turn all of them away. */
async function startWeir(backend: Backend): Promise<Proxy> {
  const ports = { tcp: 0, tls: 0, deny: 0, rate: 0, http: await freePort(), https: 0 }
  const args = [
    process.execPath,
    CLI,
    '--workers=1',
    '--admin=off',
    '--admin-socket=off',
    `--listen=http://127.0.0.1:${ports.http}`,
    `--backend=http://127.0.0.1:${backend.port}`,
    '--probe=none',
    '--connection-rate=0',
    '--connections-per-address=0',
    '--requests-per-address=0',
    '--request-rate=0',
    '--ban-threshold=0',
  ]
  const errors = join(directory, 'errors.log')
  const log = join(directory, 'access.log')
  return await startProxy({ name: 'weir', ports, args, listens: ['http'], log, errors })
}
