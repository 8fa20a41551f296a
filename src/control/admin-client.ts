/** Asks the admin socket of a weir that runs: what `weir bans` and its like do. */
import { type IncomingMessage, request } from 'node:http'
import { text as readText } from 'node:stream/consumers'

const TIMEOUT_MS = 10_000

/** Why there is no answer, for whoever asked. */
export class AdminError extends Error {}

/**
 * @param path of the endpoint, with its query
 * @param body is sent as JSON; undefined for none
 * @throws AdminError
 */
export async function askAdmin(
  socketPath: string,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const asked = request({ socketPath, method, path, timeout: TIMEOUT_MS }, resolve)
  asked.on('error', reject)
  asked.on('timeout', () => asked.destroy(new Error('no answer within 10 s')))
  asked.end(body === undefined ? undefined : JSON.stringify(body))
  try {
    const response = await promise
    const told = JSON.parse(await readText(response)) as { readonly error?: string }
    if (response.statusCode === 200) return told
    throw new AdminError(told.error ?? `weir answered ${response.statusCode}`)
  } catch (error) {
    if (error instanceof AdminError) throw error
    throw new AdminError(explain(socketPath, error as NodeJS.ErrnoException), { cause: error })
  }
}

function explain(path: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return `no weir listens at ${path}; start it with --admin-socket ${path}, or say here where it listens`
  }
  if (code === 'EACCES') return `${path} may not be opened; be the user that weir runs as, or root`
  if (code === 'EINVAL') return `${path} is too long for a socket, 107 bytes at most`
  return `${path}: ${message}`
}
