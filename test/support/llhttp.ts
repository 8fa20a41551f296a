/**
 * llhttp as Node's own `http` uses it: the second reader of every differential test.
 *
 * Not public, but the same object `http.Server` and `http.request` parse with, and synchronous: a hundred times
 * as many messages as over a socket. test/flows/smuggling.test.ts also asks the real server.
 */
import { createRequire } from 'node:module'

export interface ReadMessage {
  /** `GET /x HTTP/1.1` or `200 OK`. */
  readonly line: string
  /** `Name: value`, in order. */
  readonly fields: readonly string[]
  readonly body: string
}

export interface Reading {
  readonly messages: readonly ReadMessage[]
  /** Between two messages, in the middle of one, or refused. */
  readonly end: 'whole' | 'more' | 'refused'
}

interface Parser {
  [callback: number]: (...args: never[]) => number | void
  initialize(type: number, resource: object, maxHeaderSize: number, lenient: number): void
  execute(bytes: Buffer): number | Error
  finish(): number | Error | void
}

interface ParserClass {
  readonly REQUEST: number
  readonly RESPONSE: number
  readonly kOnMessageBegin: number
  readonly kOnHeaders: number
  readonly kOnHeadersComplete: number
  readonly kOnBody: number
  readonly kOnMessageComplete: number
  new (): Parser
}

type HeadersComplete = (
  major: number,
  minor: number,
  fields: string[] | undefined,
  method: number,
  url: string,
  status: number,
  reason: string,
  upgrade: boolean,
) => number

const { HTTPParser, methods } = createRequire(import.meta.url)('node:_http_common') as {
  HTTPParser: ParserClass
  methods: readonly string[]
}

const NO_BODY = 1
const UPGRADE = 2
const HEADERS_MAX = 65_536

/** @param text latin1 */
export function readRequestsByLlhttp(text: string): Reading {
  return read(HTTPParser.REQUEST, text, [])
}

/**
 * @param asked methods of the requests, in order
 * @param closed the connection ended behind `text`
 */
export function readResponsesByLlhttp(
  text: string,
  asked: readonly string[],
  closed: boolean,
): Reading {
  return read(HTTPParser.RESPONSE, text, asked, closed)
}

/** A method llhttp has never heard of is refused for that alone. */
export function isKnownToLlhttp(method: string): boolean {
  return methods.includes(method)
}

function read(type: number, text: string, asked: readonly string[], closed = false): Reading {
  const messages: ReadMessage[] = []
  const parser = new HTTPParser()
  let inMessage = false
  let line = ''
  let fields: string[] = []
  let body = ''
  let answered = 0
  parser.initialize(type, {}, HEADERS_MAX, 0)
  const on = (callback: number, call: (...args: never[]) => number | void): void => {
    parser[callback | 0] = call
  }
  const takeFields = (flat: readonly string[]): void => {
    for (let i = 0; i < flat.length; i += 2) fields.push(`${flat[i]}: ${flat[i + 1]}`)
  }
  on(HTTPParser.kOnMessageBegin, () => {
    inMessage = true
    fields = []
    body = ''
    line = ''
  })
  let lateUrl = ''
  on(HTTPParser.kOnHeaders, (flat: readonly string[], url: string) => {
    // Those that do not fit into one call; behind the head they are trailers.
    if (line !== '') return
    if (url !== '') lateUrl = url
    takeFields(flat)
  })
  const complete: HeadersComplete = (major, minor, flat, method, url, status, reason, upgrade) => {
    if (flat !== undefined) takeFields(flat)
    if (type === HTTPParser.REQUEST) {
      line = `${methods[method]} ${url ?? lateUrl} HTTP/${major}.${minor}`
      return upgrade ? UPGRADE : 0
    }
    line = `${status} ${reason}`
    if (status < 200) return status === 101 ? UPGRADE : 0
    return asked[answered++] === 'HEAD' ? NO_BODY : 0
  }
  on(HTTPParser.kOnHeadersComplete, complete)
  on(HTTPParser.kOnBody, (bytes: Buffer) => {
    body += bytes.toString('latin1')
  })
  on(HTTPParser.kOnMessageComplete, () => {
    inMessage = false
    messages.push({ line, fields, body })
  })
  // It keeps slices of what it reads.
  const result = parser.execute(Buffer.from(text, 'latin1'))
  if (result instanceof Error) return { messages, end: 'refused' }
  if (closed) {
    const end = parser.finish()
    if (end instanceof Error) return { messages, end: 'refused' }
  }
  return { messages, end: inMessage ? 'more' : 'whole' }
}
