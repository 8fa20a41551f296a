/** The proxies that are compared, each on one processor, in fleets: by connection, by its rate, and by request. */
import { join } from 'node:path'
import { httpProxies } from './http-proxies.ts'
import {
  freePort,
  isInstalled,
  type PortName,
  type Proxy,
  type ProxyOptions,
  type Start,
  startProxy,
} from './processes.ts'
import { rateProxies } from './rate-proxies.ts'
import { tcpProxies } from './tcp-proxies.ts'

interface Fleet {
  readonly starts: Readonly<Record<string, Start>>
  readonly ports: readonly PortName[]
  readonly logs: boolean
}

const fleets: readonly Fleet[] = [
  { starts: tcpProxies, ports: ['tcp', 'tls', 'deny'], logs: false },
  { starts: rateProxies, ports: ['rate'], logs: false },
  { starts: httpProxies, ports: ['http', 'https'], logs: true },
]

export const allProxies: readonly string[] = [
  ...new Set(fleets.flatMap(({ starts }) => Object.keys(starts))),
]

/** Those that come with `npm ci`. */
const OURS = new Set(['weir', 'http-proxy-3', 'fastify'])

/** Names of the proxies that serve such a port, as far as they are installed; weir first. */
export function proxyNames(port: PortName): string[] {
  return Object.keys(fleetOf(port).starts).filter(name => OURS.has(name) || isInstalled(name))
}

/** @throws if it does not listen within 10 s */
export async function startFor(
  port: PortName,
  name: string,
  options: Omit<ProxyOptions, 'log'>,
): Promise<Proxy> {
  const { starts, ports: listens, logs } = fleetOf(port)
  const ports = {
    tcp: await freePort(),
    tls: await freePort(),
    deny: await freePort(),
    rate: await freePort(),
    http: await freePort(),
    https: await freePort(),
  }
  const log = join(options.directory, `${name}-access.log`)
  const args = starts[name]!({ ...options, log }, ports)
  const errors = join(options.directory, `${name}-errors.log`)
  return startProxy({ name, ports, args, listens, errors, ...(logs ? { log } : {}) })
}

function fleetOf(port: PortName): Fleet {
  return fleets.find(({ ports }) => ports.includes(port))!
}
