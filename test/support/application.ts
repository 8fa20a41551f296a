/** A small web application: a page that uses all that browsers do over HTTP, and what the page asks for. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { echoWebSocket } from './websocket-echo.ts'

/** Tells the server what it saw: `/report`. */
const PAGE = `<!doctype html><title>weir</title><script>
const socketSays = () => new Promise((resolve, reject) => {
  const socket = new WebSocket(location.origin.replace('http', 'ws') + '/socket')
  socket.onopen = () => socket.send('x'.repeat(70000))
  socket.onmessage = ({ data }) => { resolve(data.length); socket.close() }
  socket.onerror = () => reject('the socket failed')
})
const eventsSay = () => new Promise((resolve, reject) => {
  const said = []
  const events = new EventSource('/events?count=3')
  events.onmessage = ({ data }) => {
    if (said.push(data) === 3) { events.close(); resolve(said.join(' ')) }
  }
  events.onerror = () => reject('the events failed')
})
const all = async () => ({
  text: await (await fetch('/hello')).text(),
  upload: await (await fetch('/upload', { method: 'PUT', body: 'x'.repeat(300000) })).json(),
  events: await eventsSay(),
  socket: await socketSays(),
  proto: performance.getEntriesByType('navigation')[0].nextHopProtocol,
})
all().catch(error => ({ error: String(error) })).then(report =>
  fetch('/report', { method: 'POST', body: JSON.stringify(report) }))
</script>`

export interface Application {
  readonly url: string
  /** What the page in the browser has seen. */
  readonly report: Promise<unknown>
  /** Says one more to everybody who listens to `/events`. */
  tell(text: string): void
  /** Who listens to `/events`. */
  readonly listeners: ReadonlySet<ServerResponse>
}

export async function startApplication(t: Test): Promise<Application> {
  const listeners = new Set<ServerResponse>()
  const report = Promise.withResolvers<unknown>()
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    if (path === '/') response.setHeader('Content-Type', 'text/html').end(PAGE)
    else if (path === '/hello') response.end('hello')
    else if (path === '/upload') void upload(request, response)
    else if (path.startsWith('/events')) listen(listeners, path, response)
    else if (path === '/report') {
      void bodyOf(request).then(body => {
        report.resolve(JSON.parse(body.toString()))
        response.end()
      })
    } else response.writeHead(404).end()
  })
  server.on('upgrade', echoWebSocket)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    report: report.promise,
    listeners,
    tell(text) {
      for (const response of listeners) response.write(`data: ${text}\n\n`)
    },
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

async function upload(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await bodyOf(request)
  const sha256 = createHash('sha256').update(body).digest('hex')
  response.end(JSON.stringify({ length: body.length, sha256, expect: request.headers.expect }))
}

/** `?count=3` says three at once. */
function listen(listeners: Set<ServerResponse>, path: string, response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  response.flushHeaders()
  const count = Number(/count=(\d+)/.exec(path)?.[1] ?? 0)
  for (let n = 1; n <= count; n++) response.write(`data: ${n}\n\n`)
  listeners.add(response)
  response.on('close', () => listeners.delete(response))
}
