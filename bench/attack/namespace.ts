/**
 * A network of the run's own: nobody else's traffic, and addresses of IPv6 that are all local. The process starts
 * itself again in it.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

const MARK = 'BENCH_NAMESPACE'
/**
 * The loopback goes up, and a /48 is local: a connection may come from any address of it. To the kernel a route
 * is not enough for that, where an address is bound to.
 */
const SETUP = `ip link set lo up && ip -6 route add local fd00::/48 dev lo \\
  && echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind && exec "$@"`

export function isInNamespace(): boolean {
  return process.env[MARK] !== undefined
}

/**
 * Runs this program again in a namespace, with the same arguments.
 *
 * @returns its exit code; null where no namespace can be made
 */
export async function runInNamespace(): Promise<number | null> {
  const unshare = ['--user', '--map-root-user', '--net', 'sh', '-c', SETUP, 'sh']
  if (spawnSync('unshare', [...unshare, 'true']).status !== 0) return null
  const child = spawn(
    'unshare',
    [...unshare, process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    { stdio: 'inherit', env: { ...process.env, [MARK]: 'yes' } },
  )
  // Who ends this process means the run: it would go on by itself, and keep the machine busy.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => child.kill(signal))
  }
  const [status] = (await once(child, 'close')) as [number | null]
  return status ?? 1
}
