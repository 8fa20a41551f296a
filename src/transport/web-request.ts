/**
 * One HTTP request to a server that the operator named: an issuer of tokens, or who knows about them.
 *
 * All of it has one deadline, and the answer a largest size. Redirects are not followed: whoever could make
 * the server send one would choose whom weir believes.
 */
import { type Agent as HttpAgent, type ClientRequest, request as askHttp } from 'node:http'
import { type Agent as HttpsAgent, request as askHttps } from 'node:https'
import { performance } from 'node:perf_hooks'

export interface WebRequest {
  /** https, or http to this host itself; see {@link isWebUrl}. */
  readonly url: string
  /** Sent with POST; '' is GET. */
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
  /** PEM of the authorities to trust in place of the system's; '' for those. */
  readonly ca: string
  readonly timeoutMs: number
  readonly bytesMax: number
  /** false: a connection of its own. */
  readonly agent?: HttpAgent | HttpsAgent | false
}

export interface WebAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: Buffer
}

/** @throws why there is no answer, in a sentence that goes on from the name of the server */
export async function askWeb(request: WebRequest): Promise<WebAnswer> {
  const endsAtMs = performance.now() + request.timeoutMs
  try {
    return await askOnce(request, request.timeoutMs)
  } catch (error) {
    // A kept connection may be at its end, or have bytes on it from before; asking twice does no harm.
    if (!(error instanceof StaleConnection)) throw error
    return await askOnce({ ...request, agent: false }, endsAtMs - performance.now())
  }
}

class StaleConnection extends Error {}

async function askOnce(request: WebRequest, leftMs: number): Promise<WebAnswer> {
  const { url, body, headers, ca, timeoutMs, bytesMax, agent } = request
  const { promise, resolve, reject } = Promise.withResolvers<WebAnswer>()
  const ask = url.startsWith('https:') ? askHttps : askHttp
  const asked: ClientRequest = ask(url, {
    method: body === '' ? 'GET' : 'POST',
    headers: body === '' ? headers : { ...headers, 'Content-Length': Buffer.byteLength(body) },
    ...(agent === undefined ? {} : { agent }),
    ...(ca === '' ? {} : { ca }),
  })
  // The wait ends here and not by the events of what is destroyed: some ends have none.
  const fail = (message: string): void => {
    reject(new Error(message))
    asked.destroy()
  }
  const timer = setTimeout(
    () => fail(`gave no whole answer within ${timeoutMs} ms`),
    Math.max(0, leftMs),
  )
  let hasAnswered = false
  asked.on('error', (error: NodeJS.ErrnoException) => {
    const isStale = asked.reusedSocket && !hasAnswered && isOfConnection(error)
    reject(isStale ? new StaleConnection() : new Error(explain(error)))
  })
  asked.on('upgrade', (_, socket) => {
    socket.destroy()
    fail('answers 101')
  })
  asked.on('response', response => {
    hasAnswered = true
    const chunks: Buffer[] = []
    let size = 0
    response.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > bytesMax) fail(`answers with more than ${bytesMax} bytes`)
      else chunks.push(chunk)
    })
    response.on('error', error => reject(new Error(explain(error))))
    response.on('end', () => {
      const { statusCode = 0, headers: fields } = response
      resolve({ status: statusCode, headers: fields, body: Buffer.concat(chunks) })
    })
  })
  asked.end(body)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
  }
}

/** Closed, or what came is no HTTP: what is left of the answer before was sent too late. */
function isOfConnection({ code = '' }: NodeJS.ErrnoException): boolean {
  return code === 'ECONNRESET' || code === 'EPIPE' || code.startsWith('HPE_')
}

function explain(error: NodeJS.ErrnoException): string {
  // Both families failed: the first says as much as the list of them.
  const { message, code } =
    error instanceof AggregateError ? (error.errors[0] as Error & { code?: string }) : error
  return message === '' ? (code ?? 'failed') : message
}
