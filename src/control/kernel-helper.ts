/**
 * Finds the helper that holds CAP_NET_ADMIN: the service that listens on a Unix socket, or a process
 * of our own where weir itself has the capability.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { INHERITED_FD } from '../kernel/helper.ts'

const CAP_NET_ADMIN = 12n
/** How long a helper may take to remove its table at our end. */
const END_MS = 5000

export interface KernelHelper {
  readonly socket: Socket
  /** Ends the connection; resolves when the helper has taken the table away. */
  end(): Promise<void>
}

/** @returns the helper, or why there is none and what to do */
export async function findHelper(path: string, table: string): Promise<KernelHelper | string> {
  const socket = await dial(path)
  if (typeof socket !== 'string') return { socket, end: () => endService(socket) }
  if (socket === 'EACCES') {
    return `may not connect to the helper at ${path}; give weir the group of weir-kernel-bans.service (systemd/README.md)`
  }
  if (hasCapability(readFileSync('/proc/self/status', 'latin1'), CAP_NET_ADMIN)) {
    return startHelper(table)
  }
  return `no helper listens on ${path} (${socket}), and weir has no CAP_NET_ADMIN to start one; start weir-kernel-bans.service (systemd/README.md)`
}

/** @param status of a process, as /proc tells it */
export function hasCapability(status: string, capability: bigint): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)
  return effective !== null && ((BigInt(`0x${effective[1]!}`) >> capability) & 1n) === 1n
}

/** @returns the code of the error if nobody listens */
async function dial(path: string): Promise<Socket | string> {
  const socket = connect(path)
  const { promise, resolve } = Promise.withResolvers<Socket | string>()
  socket.once('connect', () => resolve(socket))
  socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  return await promise
}

/** The helper closes its side when the table is gone. */
async function endService(socket: Socket): Promise<void> {
  if (socket.closed) return
  const timer = setTimeout(() => socket.destroy(), END_MS)
  socket.end()
  await once(socket, 'close')
  clearTimeout(timer)
}

function startHelper(table: string): KernelHelper {
  const cli = new URL('../cli.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [cli, 'kernel-bans', '--table', table], {
    // Of its settings it has none but the way to nft.
    env: { PATH: process.env['PATH'] },
    // A pipe is a pair of Unix sockets: nobody else can speak to it, and it ends with us.
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    detached: true,
  })
  const socket = child.stdio[INHERITED_FD] as Socket
  socket.on('error', () => {})
  child.on('error', () => socket.destroy())
  return { socket, end: () => endChild(child, socket) }
}

async function endChild(child: ChildProcess, socket: Socket): Promise<void> {
  socket.destroy()
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const timer = setTimeout(() => child.kill('SIGKILL'), END_MS)
  await once(child, 'exit')
  clearTimeout(timer)
}
