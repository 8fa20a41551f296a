/** One HTTP request of a client, and what came of it. */
import { dial, readAll } from './client.ts'

export interface Asked {
  readonly status: number
  /** Why weir itself answered; '' if it did not. */
  readonly reason: string
  /** All of the head. */
  readonly head: string
  readonly body: string
}

/** @param fields whole lines without their ends */
export async function ask(port: number, ...fields: readonly string[]): Promise<Asked> {
  const socket = await dial(port)
  const lines = ['GET / HTTP/1.1', 'Host: a', 'Connection: close', ...fields]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  const text = (await readAll(socket)).toString()
  const end = text.indexOf('\r\n\r\n')
  const head = text.slice(0, end)
  const body = text.slice(end + 4)
  const reason = head.includes('application/problem+json')
    ? (JSON.parse(body) as { reason: string }).reason
    : ''
  return { status: Number(head.split(' ')[1]), reason, head, body }
}

/** The same with a bearer token. @returns 200, or status and reason */
export async function askWith(port: number, token: string): Promise<string> {
  const { status, reason } = await ask(port, `Authorization: Bearer ${token}`)
  return `${status} ${reason}`.trim()
}
