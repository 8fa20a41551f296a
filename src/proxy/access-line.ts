/**
 * The line of one exchange, as JSON or in the combined format of Apache and nginx.
 *
 * All that a client chose is cut to a length and escaped, so that no line can be forged. The JSON line
 * has no query, because secrets stand in queries; the combined one has, because its readers expect the
 * line of the request as it came.
 */
import { withoutPair } from '../auth/query-key.ts'
import { REFERER, USER_AGENT } from '../codec/http1/field-names.ts'
import type { RequestHead } from '../codec/http1/request-head.ts'
import { jsonText, lineText } from '../core/escapes.ts'
import type { Exchange } from './exchange.ts'
import type { Http1Session } from './http1-session.ts'
import { flat, LineParts, namedHead } from './line-parts.ts'

const LEVEL_INFO = 30
const PATH_MAX = 2048
const AGENT_MAX = 256
const REFERER_MAX = 512
/** What nginx has in place of a status for a client that left before it had one. */
const CLIENT_GONE = 499

/** Lines of one worker: what many of them have in common is made once. */
export class AccessLines {
  readonly #tail: string
  readonly #hidden: string
  #timeMs = 0
  #time = ''
  #second = 0
  #date = ''
  /** By name, as many as there are. */
  readonly #backends = new Map<string, string>()

  /** @param hidden parameter of queries that holds secrets; '' for none */
  constructor(worker: number, hidden: string) {
    this.#hidden = hidden
    this.#tail = `,"worker":${worker}}\n`
  }

  /**
   * What goes without saying is left out: HTTP/1.1, the listener's own route, a kept connection to the backend
   * (without `connect_ms`), no body. Lines are a tenth of what a small request costs, and it goes by their length.
   *
   * @param nowMs   the end of the exchange, as `performance.now()` tells it
   * @param epochMs the same as `Date.now()` tells it
   * @param leftOut lines like this one that were not written before it
   */
  json(
    session: Http1Session,
    exchange: Exchange,
    nowMs: number,
    epochMs: number,
    leftOut: number,
  ): string {
    const { head, client, route, backendName } = exchange
    const { path } = head.target
    const parts = partsOf(session)
    let line = this.#begin(session, parts, client.isNamed ? client.address : '', epochMs)
    // Ids, methods, authorities and paths that were read hold nothing that JSON would escape.
    line += exchange.requestId + parts.request(head.method, head.authority)
    line += path.length > PATH_MAX ? path.slice(0, PATH_MAX) : path
    line += route.linePart(head.minor, session.client.entrance.config.name) + exchange.status
    if (backendName !== '') {
      line += this.#backend(backendName)
      if (exchange.tries > 1) line += `,"tries":${exchange.tries}`
      if (exchange.queuedMs !== 0) line += `,"queue_ms":${decimals(exchange.queuedMs)}`
      if (exchange.connectMs !== 0) line += `,"connect_ms":${decimals(exchange.connectMs)}`
      if (exchange.firstByteMs !== 0) line += `,"first_byte_ms":${decimals(exchange.firstByteMs)}`
    }
    const { delayedMs } = exchange.client
    if (delayedMs > 0) line += `,"delayed_ms":${delayedMs}`
    line += `,"duration_ms":${decimals(nowMs - exchange.startedMs)}`
    if (exchange.bytesReceived !== 0) line += `,"bytes_received":${exchange.bytesReceived}`
    line += `,"bytes_sent":${exchange.bytesSent}`
    if (exchange.facts !== null) line += exchange.facts.json
    if (exchange.reason !== '') line += `,"reason":"${exchange.reason}"`
    if (exchange.cause !== '') line += `,"cause":"${jsonText(exchange.cause)}"`
    const agent = head.only(USER_AGENT)
    if (agent >= 0) line += parts.agent(head.value(agent))
    return line + this.#end(parts, leftOut)
  }

  /** A request that could not be read: who sent it, and what is wrong with it. */
  jsonUnread(
    session: Http1Session,
    status: number,
    reason: string,
    requestId: string,
    epochMs: number,
    leftOut: number,
  ): string {
    const parts = partsOf(session)
    const line = this.#begin(session, parts, '', epochMs) + requestId
    return `${line}","status":${status},"reason":"${reason}"${this.#end(parts, leftOut)}`
  }

  combined(exchange: Exchange, epochMs: number): string {
    const { head, status } = exchange
    const { text } = head
    const request = lineText(this.#hide(text.slice(0, text.indexOf('\r'))), PATH_MAX)
    const user = exchange.facts === null ? '-' : exchange.facts.user
    return (
      `${exchange.client.address} - ${user} [${this.#dateText(epochMs)}] "${request}"` +
      ` ${status === 0 ? CLIENT_GONE : status} ${exchange.bytesSent}` +
      ` "${this.#hide(field(head, REFERER, REFERER_MAX))}" "${field(head, USER_AGENT, AGENT_MAX)}"\n`
    )
  }

  /** A line of a request, or a URL, without the secret in its query. */
  #hide(line: string): string {
    const hidden = this.#hidden
    const start = hidden === '' ? -1 : line.indexOf('?')
    if (start === -1) return line
    const blank = line.indexOf(' ', start)
    const end = blank === -1 ? line.length : blank
    return line.slice(0, start) + withoutPair(line.slice(start, end), hidden) + line.slice(end)
  }

  combinedUnread(session: Http1Session, status: number, epochMs: number): string {
    return `${session.client.address} - - [${this.#dateText(epochMs)}] "-" ${status} 0 "-" "-"\n`
  }

  /** Up to the id of the request. @param named the client a trusted proxy spoke for; '' if it is the connection's */
  #begin({ client }: Http1Session, parts: LineParts, named: string, epochMs: number): string {
    if (epochMs !== this.#timeMs) {
      this.#timeMs = epochMs
      this.#time = `{"level":${LEVEL_INFO},"time":${epochMs},"msg":"request"`
    }
    return this.#time + (named === '' ? parts.head : namedHead(client, named))
  }

  #end(parts: LineParts, leftOut: number): string {
    const more = leftOut === 0 ? '' : `,"left_out":${leftOut}`
    return more + parts.tail + this.#tail
  }

  #backend(name: string): string {
    let part = this.#backends.get(name)
    if (part === undefined) {
      part = flat(`,"backend":"${jsonText(name)}"`)
      this.#backends.set(name, part)
    }
    return part
  }

  /** `10/Oct/2000:13:55:36 +0000`: always UTC. */
  #dateText(epochMs: number): string {
    const second = Math.floor(epochMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#date = combinedDate(new Date(epochMs))
    }
    return this.#date
  }
}

/** Kept from the second request on: many connections have but one. */
function partsOf(session: Http1Session): LineParts {
  if (session.lineParts === null && session.requests < 2)
    return new LineParts(session.client, false)
  session.lineParts ??= new LineParts(session.client, true)
  return session.lineParts
}

function field(head: RequestHead, number: number, max: number): string {
  const found = head.only(number)
  return found < 0 ? '-' : lineText(head.value(found), max)
}

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

function combinedDate(date: Date): string {
  const [day, time] = date.toISOString().split('T')
  const [year, month, dayOfMonth] = day!.split('-')
  return `${dayOfMonth}/${MONTHS[Number(month) - 1]}/${year}:${time!.slice(0, 8)} +0000`
}

/** Milliseconds with two decimals, put together from whole numbers: V8 has the text of small ones at hand. */
export function decimals(ms: number): string {
  const hundredths = Math.round(ms * 100)
  if (hundredths > 0x3fff_ffff) return String(Math.round(ms))
  const whole = (hundredths / 100) | 0
  return whole + FRACTIONS[(hundredths | 0) - whole * 100]!
}

const FRACTIONS = Array.from({ length: 100 }, (_, i) =>
  i === 0 ? '' : `.${String(i).padStart(2, '0').replace(/0$/, '')}`,
)
