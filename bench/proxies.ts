/** The proxies that are compared, each on one processor, doing the same work without access logs. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** Where the proxy runs; load and backends have the other processor. */
const PROXY_CPU = '0'
const LOAD_CPU = '1'
const CLI = new URL('../src/cli.ts', import.meta.url).pathname
const TICKS_PER_SECOND = 100

export interface Ports {
  readonly tcp: number
  readonly tls: number
  /** Refuses 127.0.0.2 right after accept. */
  readonly deny: number
}

export interface Proxy {
  readonly name: string
  readonly ports: Ports
  /** Microseconds of processor time used so far, user and system, all threads. */
  cpuMicros(): number
  /** Resident memory, bytes. */
  residentBytes(): number
  descriptors(): number
  stop(): Promise<void>
}

export interface ProxyOptions {
  readonly directory: string
  readonly backendPort: number
  readonly cert: string
  readonly key: string
}

type Start = (options: ProxyOptions, ports: Ports) => string[]

/** What each is started with; those that are not installed are left out. */
const starts: Readonly<Record<string, Start>> = {
  weir: ({ backendPort, cert, key }, { tcp, tls, deny }) => [
    process.execPath,
    CLI,
    '--workers',
    '1',
    '--admin',
    'off',
    '--no-connection-log',
    '--log-level',
    'error',
    '--listen',
    `tcp://127.0.0.1:${tcp}`,
    '--listen',
    `tls://127.0.0.1:${tls}`,
    '--listen',
    `tcp://127.0.0.1:${deny}`,
    '--cert',
    cert,
    '--key',
    key,
    '--backend',
    `tcp://127.0.0.1:${backendPort}`,
    '--connection-rate',
    '60000',
    '--connection-burst',
    '1000000',
    '--handshake-rate',
    '60000',
    '--handshake-burst',
    '1000000',
    '--connections-per-address',
    '0',
    '--deny',
    '127.0.0.2',
    '--probe',
    'none',
  ],
  haproxy: ({ directory, backendPort, cert, key }, { tcp, tls, deny }) => {
    const pem = join(directory, 'haproxy.pem')
    writeFileSync(pem, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'))
    const file = join(directory, 'haproxy.cfg')
    const table =
      'stick-table type ip size 128k expire 60s store conn_rate(1s)\n  tcp-request connection track-sc0 src\n  tcp-request connection reject if { sc_conn_rate(0) gt 60000 }'
    writeFileSync(
      file,
      `global
  nbthread 1
  maxconn 9000
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode tcp
  timeout connect 5s
  timeout client 600s
  timeout server 600s
listen tcp
  bind 127.0.0.1:${tcp} backlog 4096
  ${table}
  server s 127.0.0.1:${backendPort}
listen tls
  bind 127.0.0.1:${tls} backlog 4096 ssl crt ${pem} curves X25519:P-256
  ${table}
  server s 127.0.0.1:${backendPort}
listen deny
  bind 127.0.0.1:${deny} backlog 4096
  tcp-request connection reject if { src 127.0.0.2 }
  server s 127.0.0.1:${backendPort}
`,
    )
    return ['haproxy', '-db', '-q', '-f', file]
  },
  nginx: ({ directory, backendPort, cert, key }, { tcp, tls, deny }) => {
    const file = join(directory, 'nginx.conf')
    writeFileSync(
      file,
      `load_module /usr/lib/nginx/modules/ngx_stream_module.so;
worker_processes 1;
daemon off;
master_process off;
pid ${join(directory, 'nginx.pid')};
error_log ${join(directory, 'nginx.log')} error;
events { worker_connections 18000; }
stream {
  limit_conn_zone $binary_remote_addr zone=address:10m;
  limit_conn address 60000;
  proxy_timeout 600s;
  server { listen 127.0.0.1:${tcp} backlog=4096; proxy_pass 127.0.0.1:${backendPort}; }
  server { listen 127.0.0.1:${tls} backlog=4096 ssl; ssl_certificate ${cert}; ssl_certificate_key ${key};
    ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:P-256; proxy_pass 127.0.0.1:${backendPort}; }
  server { listen 127.0.0.1:${deny} backlog=4096; deny 127.0.0.2; proxy_pass 127.0.0.1:${backendPort}; }
}
`,
    )
    return ['nginx', '-e', join(directory, 'nginx.log'), '-c', file]
  },
}

export const proxyNames = Object.keys(starts)

export function isInstalled(name: string): boolean {
  return name === 'weir' || spawnSync(name, ['-v'], { env: withSbin() }).error === undefined
}

/** @throws if it does not listen within 10 s */
export async function startProxy(name: string, options: ProxyOptions): Promise<Proxy> {
  const ports = { tcp: await freePort(), tls: await freePort(), deny: await freePort() }
  const [command = '', ...args] = starts[name]!(options, ports)
  const child = spawnOn(PROXY_CPU, command, args)
  for (const port of [ports.tcp, ports.tls, ports.deny]) await listens(port, child, name)
  const pid = child.pid!
  return {
    name,
    ports,
    cpuMicros() {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
      return ((Number(fields[11]) + Number(fields[12])) * 1_000_000) / TICKS_PER_SECOND
    },
    residentBytes() {
      const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
      return Number(match?.[1] ?? 0) * 1024
    },
    descriptors: () => readdirSync(`/proc/${pid}/fd`).length,
    async stop() {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
    },
  }
}

/** A load generator or a backend, on the processor of the load. */
export function spawnLoad(args: readonly string[]): ChildProcess {
  return spawnOn(LOAD_CPU, process.execPath, [
    new URL('load.ts', import.meta.url).pathname,
    ...args,
  ])
}

function spawnOn(cpu: string, command: string, args: readonly string[]): ChildProcess {
  return spawn('taskset', ['-c', cpu, command, ...args], {
    env: withSbin(),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

function withSbin(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function listens(port: number, child: ChildProcess, name: string): Promise<void> {
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
