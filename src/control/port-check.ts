/**
 * Whether weir may listen where it is told to, found out before any worker starts.
 *
 * Workers share a port with SO_REUSEPORT, and so would a second weir of the same user: it would
 * quietly take half of the connections. A socket without that option finds out.
 */
import { createServer } from 'node:net'

export interface PortProblem {
  readonly listener: string
  readonly message: string
}

export interface ListenPoint {
  readonly name: string
  readonly host: string
  readonly port: number
}

/** Tries each in turn. @returns one problem per listener that could not listen */
export async function checkPorts(points: readonly ListenPoint[]): Promise<readonly PortProblem[]> {
  const problems: PortProblem[] = []
  for (const { name, host, port } of points) {
    const error = await tryListen(host, port)
    if (error !== null) problems.push({ listener: name, message: explain(error, host, port) })
  }
  return problems
}

function tryListen(host: string, port: number): Promise<NodeJS.ErrnoException | null> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.ErrnoException | null>()
  const server = createServer()
  server.once('error', resolve)
  server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)))
  return promise
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): string {
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`
  switch (error.code ?? '') {
    case 'EADDRINUSE':
      return `${where} is in use; stop the other program (ss -ltnp shows it) or choose another port`
    case 'EACCES':
      return `${where} is not permitted; ports below 1024 need CAP_NET_BIND_SERVICE (the systemd unit has it) or root`
    case 'EADDRNOTAVAIL':
      return `${where} is no address of this host; ip addr shows those there are, [::] is all of them`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${host} does not resolve; write an IP address`
    default:
      return `${where} cannot be listened on: ${error.message}`
  }
}
