/** A backend that answers as the path says, and requests of which only status and reason are of interest. */
import type { ServerResponse } from 'node:http'
import type { Test } from 'tap'
import { dial, readAll } from './client.ts'
import { type HttpBackend, startHttpBackend } from './http-backend.ts'

export interface StatusBackend {
  readonly backend: HttpBackend
  /** Of requests to /held. */
  readonly held: ServerResponse[]
}

/** Answers have the status that the path says, 200 otherwise; those to /held wait in `held`. */
export async function startStatusBackend(t: Test): Promise<StatusBackend> {
  const held: ServerResponse[] = []
  const backend = await startHttpBackend(t, (request, response) => {
    request.resume()
    if (request.url === '/held') held.push(response)
    else {
      const status = Number(/\d{3}/.exec(request.url!)?.[0] ?? 200)
      request.on('end', () => response.writeHead(status).end())
    }
  })
  return { backend, held }
}

/** Sends `text` on a connection of its own. @returns the status, and the reason if weir said no */
export async function send(port: number, from: string, text: string): Promise<string> {
  const socket = await dial(port, { from })
  socket.write(text)
  const answer = (await readAll(socket)).toString('latin1')
  socket.destroy()
  const reason = /"reason":"([^"]*)"/.exec(answer)?.[1] ?? ''
  return `${/^HTTP\/1\.[01] (\d+)/.exec(answer)?.[1]} ${reason}`.trim()
}

export function get(path = '/', ...fields: readonly string[]): string {
  const lines = [`GET ${path} HTTP/1.1`, 'Host: a', 'Connection: close', ...fields]
  return `${lines.join('\r\n')}\r\n\r\n`
}
