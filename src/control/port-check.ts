/**
 * Whether weir may listen where it is told to, found out before any worker starts.
 *
 * Workers share a port with SO_REUSEPORT, and so would a second weir of the same user: it would
 * quietly take half of the connections. A socket without that option finds out.
 */
import { type AddressInfo, createServer, isIP } from 'node:net'

export interface PortProblem {
  readonly listener: string
  readonly message: string
}

export interface ListenPoint {
  readonly name: string
  readonly host: string
  readonly port: number
  /** Whether workers share it; they do unless it is said. */
  readonly shared?: boolean
}

/** Tries each in turn. @returns one problem per listener that could not listen */
export async function checkPorts(points: readonly ListenPoint[]): Promise<readonly PortProblem[]> {
  const problems: PortProblem[] = []
  const bound: (ListenPoint & { readonly address: string })[] = []
  for (const point of points) {
    const { name, host, port } = point
    const found = await tryListen(host, port)
    if (typeof found !== 'string') {
      problems.push({ listener: name, message: explain(found, host, port) })
      continue
    }
    const other = port === 0 ? undefined : bound.find(each => collide(point, found, each))
    if (other === undefined) bound.push({ ...point, address: found })
    else {
      const message = `${place(host, port)} is what ${other.name} listens on; choose another port for one of them`
      problems.push({ listener: name, message })
    }
  }
  return problems
}

/** @returns the address it could listen on, as the kernel writes it, or why it could not */
function tryListen(host: string, port: number): Promise<string | NodeJS.ErrnoException> {
  const { promise, resolve } = Promise.withResolvers<string | NodeJS.ErrnoException>()
  const server = createServer()
  server.once('error', resolve)
  server.listen({ host, port, exclusive: true }, () => {
    const { address } = server.address() as AddressInfo
    server.close(() => resolve(address))
  })
  return promise
}

/**
 * Two listeners on one address, however it is written, would each get some of the connections. A wildcard
 * next to an address of its own is fine: the more specific one gets what is for it. But not where one of
 * the two is not shared between threads.
 */
function collide(
  point: ListenPoint,
  address: string,
  other: ListenPoint & { readonly address: string },
): boolean {
  if (point.port !== other.port) return false
  if (address === other.address) return true
  if (point.shared !== false && other.shared !== false) return false
  const any = [address, other.address]
  return any.includes('::') || (any.includes('0.0.0.0') && any.every(each => isIP(each) === 4))
}

function place(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): string {
  const where = place(host, port)
  switch (error.code ?? '') {
    case 'EADDRINUSE':
      return `${where} is in use; stop the other program (ss -ltnp shows it) or choose another port`
    case 'EACCES':
      return `${where} is not permitted; ports below 1024 need CAP_NET_BIND_SERVICE (the systemd unit has it) or root`
    case 'EADDRNOTAVAIL':
      return `${where} is no address of this host; ip addr shows those there are, [::] is all of them`
    case 'EAFNOSUPPORT':
      return `${where} cannot be listened on: this host has no IPv${isIP(host) === 4 ? 4 : 6}; 0.0.0.0 is every IPv4 address`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${host} does not resolve; write an IP address`
    default:
      return `${where} cannot be listened on: ${error.message}`
  }
}
