/**
 * The log lines of one worker: one per session or exchange at its end, in the shape pino gives to main's own.
 *
 * Lines are built as text without objects in between and go to main through a ring of shared memory;
 * main is the only one to write, so that lines of two threads never mix. A flood of refusals is sampled by
 * reason, and if main does not keep up lines are dropped and counted: the log never holds up the data path.
 */
import { performance } from 'node:perf_hooks'
import type { Config } from '../config/config.ts'
import { jsonText } from '../core/escapes.ts'
import { ADMITTED, refusal, type RefusalName, refusals } from '../core/refusals.ts'
import type { Tried } from '../guard/shadow.ts'
import { AccessLines, decimals } from './access-line.ts'
import type { Exchange } from './exchange.ts'
import type { Http1Session } from './http1-session.ts'
import type { TcpSession } from './tcp-session.ts'

/** Lines per reason and second; the next one says how many were left out. */
const REFUSAL_LINES_PER_SECOND = 5
const BATCH_CHARS = 16_384
/** Batches that main may find at once; a quarter of the ring. */
const WAKE_BATCHES = 16
const LEVEL_INFO = 30

export interface SessionLogParts {
  readonly worker: number
  /** Write a line per session. */
  readonly sessions: boolean
  /** Write lines of refused clients. */
  readonly refusals: boolean
  /** Form of the lines of exchanges; all others are JSON. */
  readonly accessFormat: Config['accessFormat']
  /** Parameter of queries that holds secrets; '' for none. */
  readonly hiddenParameter: string
  /** Hands whole lines, ASCII, over to main. @returns false if there is no room */
  readonly write: (lines: string) => boolean
  /** Tells main that there are some. */
  readonly wake: () => void
  /** Counts lines that are not written. */
  readonly drop: (lines: number) => void
}

export class SessionLog {
  readonly #parts: SessionLogParts
  readonly #tail: string
  readonly #access: AccessLines
  readonly #combined: boolean
  #batch = ''
  #batchLines = 0
  /** Batches handed over since main was told. */
  #waiting = 0
  #second = 0
  readonly #written = new Int32Array(refusals.length)
  readonly #leftOut = new Int32Array(refusals.length)

  constructor(parts: SessionLogParts) {
    this.#parts = parts
    this.#tail = `,"worker":${parts.worker}}\n`
    this.#access = new AccessLines(parts.worker, parts.hiddenParameter)
    this.#combined = parts.accessFormat === 'combined'
  }

  /**
   * Asked first, so that a flood builds no text.
   *
   * @returns how many lines of this refusal were left out before, or -1 if this one is left out too
   */
  sampleRefusal(refused: number): number {
    if (!this.#parts.refusals) return -1
    if (this.#written[refused]! >= REFUSAL_LINES_PER_SECOND) {
      this.#leftOut[refused]!++
      this.#parts.drop(1)
      return -1
    }
    this.#written[refused]!++
    const leftOut = this.#leftOut[refused]!
    this.#leftOut[refused] = 0
    return leftOut
  }

  /** A client turned away right after accept: it has no session. */
  refusal(tried: Tried, refused: number, leftOut: number): void {
    this.#add(refusedLine('refused', tried, refused, leftOut) + this.#tail)
  }

  /** What a guard would have refused that is only tried. */
  shadow(refused: number, tried: Tried): void {
    const leftOut = this.sampleRefusal(refused)
    if (leftOut !== -1) this.#add(refusedLine('shadow', tried, refused, leftOut) + this.#tail)
  }

  /** An exchange that ended. @param nowMs as `performance.now()` tells it */
  exchange(session: Http1Session, exchange: Exchange, nowMs: number): void {
    const { refused } = exchange
    if (refused === ADMITTED && !this.#parts.sessions) return
    const leftOut = refused === ADMITTED ? 0 : this.sampleRefusal(refused)
    if (leftOut === -1) return
    const epochMs = Date.now()
    this.#add(
      this.#combined
        ? this.#access.combined(exchange, epochMs)
        : this.#access.json(session, exchange, nowMs, epochMs, leftOut),
    )
  }

  /** A request that could not be read. */
  badRequest(session: Http1Session, status: number, reason: RefusalName, requestId: string): void {
    const leftOut = this.sampleRefusal(refusal(reason))
    if (leftOut === -1) return
    const epochMs = Date.now()
    this.#add(
      this.#combined
        ? this.#access.combinedUnread(session, status, epochMs)
        : this.#access.jsonUnread(session, status, reason, requestId, epochMs, leftOut),
    )
  }

  /** A session that ended. */
  session(session: TcpSession): void {
    const { refused, tunnel, handshake } = session
    // Its requests have lines of their own.
    if (session.http !== null && session.ending === 'finished') return
    if (refused === ADMITTED && !this.#parts.sessions) return
    const leftOut = refused === ADMITTED ? 0 : this.sampleRefusal(refused)
    if (leftOut === -1) return

    const now = performance.now()
    let line = head(refused === ADMITTED ? 'connection' : 'refused')
    line += `,"listener":${quote(session.entrance.config.name)},"client":"${session.address}"`
    line += `,"client_port":${session.port}`
    if (session.peer !== '') line += `,"peer":"${session.peer}"`
    if (session.serverName !== '') line += `,"sni":"${session.serverName}"`
    if (session.ja4 !== '') line += `,"ja4":"${session.ja4}"`
    if (handshake !== null && handshake.version !== '') {
      line += `,"tls":"${handshake.version}","cipher":"${handshake.cipher}"`
      line += `,"group":"${handshake.group}","resumed":${handshake.resumed}`
      if (handshake.alpn !== '') line += `,"alpn":${quote(handshake.alpn)}`
    }
    if (session.backendName !== '') {
      line += `,"backend":${quote(session.backendName)},"dials":${session.dials}`
    }
    if (session.queuedMs > 0) line += `,"queued_ms":${decimals(session.queuedMs)}`
    if (session.connectedMs > 0) {
      line += `,"connect_ms":${decimals(session.connectedMs - session.startedMs)}`
    }
    if (tunnel !== null) {
      line += `,"bytes_received":${tunnel.bytesFromClient},"bytes_sent":${tunnel.bytesFromBackend}`
    }
    line += `,"duration_ms":${decimals(now - session.startedMs)},"end":"${session.ending}"`
    if (refused !== ADMITTED) line += `,"reason":"${refusals[refused]![0]}"`
    if (leftOut > 0) line += `,"left_out":${leftOut}`
    if (session.cause !== '') line += `,"cause":${quote(session.cause)}`
    this.#add(line + this.#tail)
  }

  /** Called a few times a second: hands over what has gathered, and begins the samples of a new second. */
  flush(): void {
    const second = Math.floor(performance.now() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#written.fill(0)
    }
    if (this.#batch !== '') this.#handOver()
    if (this.#waiting > 0) this.#wake()
  }

  #wake(): void {
    this.#waiting = 0
    this.#parts.wake()
  }

  #handOver(): void {
    if (!this.#parts.write(this.#batch)) this.#parts.drop(this.#batchLines)
    this.#waiting++
    this.#batch = ''
    this.#batchLines = 0
  }

  #add(line: string): void {
    this.#batch += line
    this.#batchLines++
    if (this.#batch.length < BATCH_CHARS) return
    this.#handOver()
    if (this.#waiting >= WAKE_BATCHES) this.#wake()
  }
}

function head(message: string): string {
  return `{"level":${LEVEL_INFO},"time":${Date.now()},"msg":"${message}"`
}

function refusedLine(
  message: string,
  { listener, address }: Tried,
  refused: number,
  leftOut: number,
): string {
  const line = `${head(message)},"listener":${quote(listener)},"client":"${address}"`
  return `${line},"reason":"${refusals[refused]![0]}"${leftOut === 0 ? '' : `,"left_out":${leftOut}`}`
}

/** For text that a peer or the operator chose; the rest is known to need no escapes. Gives ASCII. */
function quote(text: string): string {
  return `"${jsonText(text)}"`
}
