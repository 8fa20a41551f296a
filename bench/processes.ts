/** The processes of the bench: a processor for the proxy, another for load and backends. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { AccessLog } from './access-log.ts'

const PROXY_CPU = '0'
const LOAD_CPU = '1'

const running = new Set<ChildProcess>()

export type PortName = 'tcp' | 'tls' | 'deny' | 'rate' | 'http' | 'https'
export type Ports = Readonly<Record<PortName, number>>

export interface ProcessorTime {
  /** User and system, microseconds. */
  readonly usedMicros: number
  /** In which it could have run, had nobody else had the processor, microseconds. */
  readonly waitedMicros: number
}

export interface Proxy {
  readonly name: string
  readonly ports: Ports
  /** So far, all threads. */
  processorTime(): ProcessorTime
  /** Resident memory, bytes. */
  residentBytes(): number
  descriptors(): number
  /** Undefined if none is asked for. */
  readonly log: AccessLog | undefined
  stop(): Promise<void>
}

export interface ProxyOptions {
  readonly directory: string
  readonly backendPort: number
  readonly cert: string
  readonly key: string
  /** Further flags of weir. */
  readonly flags: readonly string[]
  /** Access log; what goes to standard output goes there too. */
  readonly log: string
}

/** @returns what to run */
export type Start = (options: ProxyOptions, ports: Ports) => string[]

export interface Command {
  readonly name: string
  readonly ports: Ports
  readonly args: readonly string[]
  /** Ports that are to be listened on. */
  readonly listens: readonly PortName[]
  /** Where standard output goes. */
  readonly log?: string
  /** Where standard error goes. */
  readonly errors: string
}

/** @throws if it does not listen within 10 s */
export async function startProxy(command: Command): Promise<Proxy> {
  const { name, ports, args, listens, log, errors } = command
  const [program = '', ...rest] = args
  const child = spawnOn(PROXY_CPU, program, rest, log, errors)
  try {
    for (const port of listens) await waitForListener(ports[port], child, name)
  } catch (cause) {
    throw new Error(readFileSync(errors, 'utf8'), { cause })
  }
  const pid = child.pid!
  return {
    name,
    ports,
    processorTime() {
      let used = 0
      let waited = 0
      for (const task of readdirSync(`/proc/${pid}/task`)) {
        const fields = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')
        used += Number(fields[0])
        waited += Number(fields[1])
      }
      return { usedMicros: used / 1000, waitedMicros: waited / 1000 }
    },
    residentBytes() {
      const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
      return Number(match?.[1] ?? 0) * 1024
    },
    descriptors: () => readdirSync(`/proc/${pid}/fd`).length,
    log: log === undefined ? undefined : new AccessLog(log),
    stop: () => end(child),
  }
}

/** A load generator or a backend of load.ts, on the processor of the load. */
export function spawnLoad(args: readonly string[]): ChildProcess {
  const script = new URL('load.ts', import.meta.url).pathname
  return spawnOn(LOAD_CPU, process.execPath, [script, ...args])
}

/**
 * Another script, on the processor of the load.
 *
 * @param manners `nice`: it runs when nobody else there wants to
 */
export function spawnScript(
  script: string,
  args: readonly string[],
  manners: 'nice' | 'plain' = 'plain',
): ChildProcess {
  const command = [process.execPath, script, ...args]
  if (manners === 'nice') return spawnOn(LOAD_CPU, 'nice', ['-n', '19', ...command])
  return spawnOn(LOAD_CPU, process.execPath, command.slice(1))
}

/** Another program, on the processor of the load. */
export function spawnProgram(command: string, args: readonly string[], log?: string): ChildProcess {
  return spawnOn(LOAD_CPU, command, args, log)
}

/** At once, when the run is broken off. */
export function endAll(): void {
  for (const child of running) child.kill('SIGKILL')
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
}

export function isInstalled(program: string): boolean {
  return spawnSync(program, ['-v'], { env: withSbin() }).error === undefined
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** @throws if nobody listens within 10 s */
export async function waitForListener(
  port: number,
  child: ChildProcess,
  name: string,
): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`)
    const socket = connect(port, '127.0.0.1')
    const up = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (up) return
    await pause(50)
  }
  throw new Error(`${name} does not listen on ${port} within 10 s`)
}

/** @param log appended to, so that it can be emptied while it is written */
function spawnOn(
  cpu: string,
  program: string,
  args: readonly string[],
  log?: string,
  errors?: string,
): ChildProcess {
  const out = log === undefined ? ('pipe' as const) : openSync(log, 'a')
  const err = errors === undefined ? ('inherit' as const) : openSync(errors, 'a')
  const child = spawn('taskset', ['-c', cpu, program, ...args], {
    env: withSbin(),
    stdio: ['ignore', out, err],
  })
  running.add(child)
  child.on('close', () => running.delete(child))
  if (typeof out === 'number') closeSync(out)
  if (typeof err === 'number') closeSync(err)
  return child
}

function withSbin(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` }
}
