/** `npm run bench:trickle`: a large body that one side takes slowly, and what that costs weir in memory. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import yargs from 'yargs'
import { freePort, type Proxy, startProxy } from './processes.ts'
import { type Direction, startTrickleBackend, trickle } from './trickle.ts'

const MIB = 1024 * 1024
const CLI = new URL('../src/cli.ts', import.meta.url).pathname
const WANTED = 16 * MIB

const options = await yargs(process.argv.slice(2))
  .usage('npm run bench:trickle -- [flags]')
  .options({
    mib: { type: 'number', default: 1024, describe: 'Size of the body' },
    rate: {
      type: 'number',
      default: 32,
      describe: 'MiB of it a second; at 1 a GiB takes 17 minutes each way',
    },
  })
  .strict()
  .parseAsync()

const directory = mkdtempSync(join(tmpdir(), 'weir-trickle-'))
try {
  for (const direction of ['download', 'upload'] as const) await letTrickle(direction)
} finally {
  rmSync(directory, { recursive: true })
}

async function letTrickle(direction: Direction): Promise<void> {
  const { mib, rate } = options
  const backend = await startTrickleBackend(direction, mib * MIB, rate * MIB)
  const weir = await start(backend.port)
  try {
    await pause(1000)
    const before = weir.residentBytes()
    const began = performance.now()
    let most = before
    const timer = setInterval(() => (most = Math.max(most, weir.residentBytes())), 100)
    const body = trickle(weir.ports.http, direction, mib * MIB, rate * MIB)
    await body.finally(() => clearInterval(timer))
    const seconds = (performance.now() - began) / 1000
    const [first, more] = [before / MIB, (most - before) / MIB].map(size => size.toFixed(1))
    const isSmall = most - before < WANTED
    if (!isSmall) process.exitCode = 1
    process.stdout.write(
      `${direction} of ${mib} MiB, taken at ${rate} MiB/s, ${seconds.toFixed(0)} s: ` +
        `${first} MiB before, ${more} more at most${isSmall ? '' : ' ← more than wanted'}\n`,
    )
  } finally {
    await weir.stop()
    backend.close()
  }
}

async function start(backendPort: number): Promise<Proxy> {
  const ports = { tcp: 0, tls: 0, deny: 0, rate: 0, http: await freePort(), https: 0 }
  const args = [
    process.execPath,
    CLI,
    '--workers=1',
    '--admin=off',
    `--listen=http://127.0.0.1:${ports.http}`,
    `--backend=http://127.0.0.1:${backendPort}`,
    '--probe=none',
  ]
  const errors = join(directory, 'errors.log')
  const log = join(directory, 'access.log')
  return await startProxy({ name: 'weir', ports, args, listens: ['http'], log, errors })
}
