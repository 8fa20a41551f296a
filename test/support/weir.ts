/** Starts weir as a real process and reads what it says, for the flow tests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { until, untilScraped } from './until.ts'

export interface LogLine {
  readonly msg?: string
  readonly [key: string]: unknown
}

export interface RunningWeir {
  readonly child: ChildProcess
  /** Ports in the order of the listeners. */
  readonly ports: readonly number[]
  readonly adminPort: number
  readonly lines: readonly LogLine[]
  /** The first line, past or to come, that `matches`. */
  line(matches: (line: LogLine) => boolean, what: string): Promise<LogLine>
  /** The value of a metric now; 0 if it has no such labels. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>
  /** Waits for a metric, which is read once a second at most. */
  metricIs(name: string, labels: Readonly<Record<string, string>>, value: number): Promise<void>
  admin(path: string): Promise<Response>
  /** SIGTERM. @returns the exit code */
  stop(): Promise<number | null>
}

export interface WeirOptions {
  readonly env?: Readonly<Record<string, string>>
  /** What to run instead of the command line, see killable.ts. */
  readonly script?: string
  /** Told of the process before it is ready. */
  readonly onStart?: (child: ChildProcess) => void
}

const CLI = new URL('../../src/cli.ts', import.meta.url).pathname
/**
 * Where Node keeps what it made of the sources, by their content: stripped of types, compiled. It is a third of the work of
 * a start, in each thread, and tests start hundreds. Written by each process that ends by itself, as the first of the flows does.
 */
const COMPILED = new URL('../../node_modules/.cache/compiled', import.meta.url).pathname
const LIMITS_OFF = [
  '--connection-rate',
  '0',
  '--connections-per-address',
  '0',
  '--handshake-rate',
  '0',
  '--host-handshake-rate',
  '0',
  '--requests-per-address',
  '0',
]

/** Flags that take the guards out of the way of a test about something else. */
export function withoutLimits(...flags: string[]): string[] {
  return [...LIMITS_OFF, ...flags]
}

/** Runs weir to its end, for tests of bad input. */
export async function runWeir(
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [CLI, ...flags], { env: { ...cleanEnv(), ...env } })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()))
  child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()))
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
  await once(child, 'close')
  clearTimeout(timer)
  return { code: child.exitCode, stdout, stderr }
}

/** Starts weir and waits until it is ready; it is ended with the test. */
export async function startWeir(
  t: Test,
  flags: readonly string[],
  options: WeirOptions = {},
): Promise<RunningWeir> {
  const args = [options.script ?? CLI, '--admin', '127.0.0.1:0', ...flags]
  const child = spawn(process.execPath, args, {
    env: { ...cleanEnv(), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  options.onStart?.(child)
  const lines: LogLine[] = []
  let stderr = ''
  createInterface({ input: child.stdout }).on('line', text => {
    // The last line of a process that was killed need not be whole.
    if (child.killed && !text.endsWith('}')) return
    // Lines of the combined format have no message, only a text.
    lines.push(text.startsWith('{') ? (JSON.parse(text) as LogLine) : { text })
  })
  child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()))
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'close')
  })
  const find = (message: string): LogLine[] => lines.filter(({ msg }) => msg === message)
  await until(() => {
    if (child.exitCode !== null) throw new Error(`weir ended with ${child.exitCode}: ${stderr}`)
    return find('ready').length > 0
  }, 'weir is ready')

  const adminPort = Number(find('admin listening')[0]?.['port'])
  const admin = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${adminPort}${path}`)
  const weir: RunningWeir = {
    child,
    ports: find('listening').map(line => Number(line['port'])),
    adminPort,
    lines,
    admin,
    async line(matches, what) {
      await until(() => lines.some(matches), `a log line: ${what}`)
      return lines.find(matches)!
    },
    async metric(name, labels = {}) {
      return readMetric(await (await admin('/metrics')).text(), name, labels)
    },
    async metricIs(name, labels, value) {
      await untilScraped(
        async () => (await weir.metric(name, labels)) === value,
        `${name} is ${value}`,
      )
    },
    async stop() {
      if (child.exitCode === null) {
        child.kill('SIGTERM')
        await once(child, 'close')
      }
      return child.exitCode
    },
  }
  return weir
}

/** Sums the samples of `name` that have all of `labels`. */
function readMetric(text: string, name: string, labels: Readonly<Record<string, string>>): number {
  let sum = 0
  for (const line of text.split('\n')) {
    const match = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (match === null || match[1] !== name) continue
    const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`)
    if (wanted.every(label => (match[2] ?? '').includes(label))) sum += Number(match[3])
  }
  return sum
}

function cleanEnv(): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    ([name, value]) => value !== undefined && !/^(?:WEIR_|TAP|NODE_OPTIONS|NODE_V8)/.test(name),
  )
  const env = Object.fromEntries(entries) as Record<string, string>
  return { ...env, NODE_COMPILE_CACHE: COMPILED }
}
