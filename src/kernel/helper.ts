/**
 * The process that alone holds CAP_NET_ADMIN: `weir kernel-bans`.
 *
 * Under systemd it listens on a Unix socket, whose mode says who may connect. Started by weir itself it
 * talks over a socket that it inherits, and ends with it.
 */
import { chmodSync, rmSync } from 'node:fs'
import { connect, createServer, Socket } from 'node:net'
import { once } from 'node:events'
import { formatReply, isTableName } from './ban-protocol.ts'
import { BanSession } from './ban-session.ts'
import { deleteTable } from './nft-script.ts'
import { type RunNft, runNft } from './nft.ts'

/** Where a helper that weir started finds its socket. */
export const INHERITED_FD = 3
/** How long a weir that starts waits for the one before it to be gone. */
const TURN_MS = 3000
const BAD_START = 2

export interface HelperParts {
  readonly table: string
  readonly note: (line: string) => void
  readonly run?: RunNft
}

/** @returns the exit code */
export async function helperCommand(
  socket: string,
  table: string,
  note: (line: string) => void,
): Promise<number> {
  const say = (line: string): void => note(`weir kernel-bans: ${line}`)
  if (!isTableName(table)) {
    say(
      `${JSON.stringify(table)} cannot be a table; write a letter, and up to 31 letters, digits and _`,
    )
    return BAD_START
  }
  const parts = { table, note: say }
  return socket === '' ? await serveInherited(parts) : await serveSocket(socket, parts)
}

/** Serves the weir that started this process, until it ends. @returns the exit code */
async function serveInherited({ table, note, run = runNft }: HelperParts): Promise<number> {
  const socket = new Socket({
    fd: INHERITED_FD,
    readable: true,
    writable: true,
    allowHalfOpen: true,
  })
  const session = new BanSession({ socket, table, run, note })
  // Ctrl-C in a terminal is meant for weir, which has sessions to end first.
  process.on('SIGINT', () => {})
  process.on('SIGHUP', () => {})
  process.on('SIGTERM', () => void session.end())
  await session.ended
  return 0
}

/** Serves one weir after the other on the socket at `path`, until SIGTERM. @returns the exit code */
async function serveSocket(path: string, parts: HelperParts): Promise<number> {
  const { table, note, run = runNft } = parts
  const server = new HelperServer({ ...parts, run })
  try {
    // Left over from a helper that was killed; and whether there is an nft at all.
    await run(['-f', '-'], deleteTable(table))
    await server.listen(path)
  } catch (error) {
    note((error as Error).message)
    return BAD_START
  }
  note(`listening on ${path} for table inet ${table}`)
  const { promise, resolve } = Promise.withResolvers<void>()
  process.on('SIGTERM', resolve)
  process.on('SIGINT', resolve)
  await promise
  await server.close()
  return 0
}

export class HelperServer {
  readonly #parts: Required<HelperParts>
  readonly #server = createServer(
    { pauseOnConnect: true, allowHalfOpen: true },
    socket => void this.#accept(socket),
  )
  #session: BanSession | null = null
  #path = ''

  constructor(parts: Required<HelperParts>) {
    this.#parts = parts
    // One that serves and one that waits for it to end; the others are told.
    this.#server.maxConnections = 8
  }

  /** @throws if the path cannot be listened on, or somebody does */
  async listen(path: string): Promise<void> {
    if (await answers(path)) throw new Error(`another helper listens on ${path}`)
    rmSync(path, { force: true })
    this.#server.listen(path)
    await once(this.#server, 'listening')
    this.#path = path
    // Group too: that is how weir's user gets in (systemd/README.md).
    chmodSync(path, 0o660)
  }

  async close(): Promise<void> {
    this.#server.close()
    if (this.#path !== '') rmSync(this.#path, { force: true })
    await this.#session?.end()
  }

  async #accept(socket: Socket): Promise<void> {
    socket.on('error', () => {})
    if (this.#session !== null) await within(TURN_MS, this.#session.ended)
    if (this.#session !== null) {
      socket.end(formatReply({ type: 'error', text: 'another weir is connected' }))
      socket.destroySoon()
      return
    }
    const session = new BanSession({ ...this.#parts, socket })
    this.#session = session
    socket.resume()
    await session.ended
    this.#session = null
  }
}

async function answers(path: string): Promise<boolean> {
  const socket = connect(path)
  const { promise, resolve } = Promise.withResolvers<boolean>()
  socket.on('connect', () => resolve(true))
  socket.on('error', () => resolve(false))
  const answer = await promise
  socket.destroy()
  return answer
}

async function within(ms: number, done: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  await Promise.race([done, promise])
  clearTimeout(timer)
}
