/** What weir's codec reads of bytes however they are cut, for tests; and the vectors of test/vectors. */
import { readFileSync } from 'node:fs'
import { ChunkReader } from '../../src/codec/http1/chunks.ts'
import { CHUNKED, TO_THE_END } from '../../src/codec/http1/framing.ts'
import { type Head, NEED_MORE, OK } from '../../src/codec/http1/head.ts'
import { RequestHead } from '../../src/codec/http1/request-head.ts'
import { ResponseHead } from '../../src/codec/http1/response-head.ts'
import type { ReadMessage } from './llhttp.ts'

export interface OwnRequest extends ReadMessage {
  /** As it came; `line` has the normal form. */
  readonly target: string
  readonly host: string
}

/** Messages, and what came then: nothing, a part of the next, or the status it is refused with. */
export interface OwnReading<Message> {
  readonly messages: readonly Message[]
  readonly end: 'whole' | 'more' | number
}

/** Text with long parts written short: `["a", 3]` is `aaa`. */
type Bytes = string | readonly (string | readonly [string, number])[]

export interface RequestVector {
  readonly name: string
  readonly bytes: Bytes
  /** What the backend gets, whole requests in order. `fields` are the client's; left out, they do not matter. */
  readonly forwarded?: readonly {
    readonly line: string
    /** '' for none: the backend's own name. */
    readonly host: string
    readonly fields?: readonly string[]
    readonly body?: string
  }[]
  /** Then this is answered, and the connection ends. */
  readonly refused?: number
  /** Or the rest is not whole. */
  readonly more?: boolean
}

export interface ResponseVector {
  readonly name: string
  readonly bytes: Bytes
  /** GET if left out. */
  readonly asked?: 'GET' | 'HEAD'
  /** The backend ends the connection behind it. */
  readonly closes?: boolean
  /** 502, or the connection of the client is cut where an answer has begun. */
  readonly refused?: 502 | 'cut'
  readonly status?: number
  readonly fields?: readonly string[]
  readonly body?: string
  /** Statuses of 1xx before it. */
  readonly interim?: readonly number[]
  /** Whether the next request goes out on the same connection; left out: it may. */
  readonly kept?: boolean
}

const VECTORS = new URL('../vectors/', import.meta.url)

export function vectors<Vector>(...names: string[]): Vector[] {
  return names.flatMap(
    name => JSON.parse(readFileSync(new URL(`${name}.json`, VECTORS), 'utf8')) as Vector[],
  )
}

export const requestVectors = [
  'request-line',
  'fields',
  'framing',
  'chunks',
  'targets',
  'smuggling',
]

/** latin1 */
export function bytesOf({ bytes }: { readonly bytes: Bytes }): string {
  if (typeof bytes === 'string') return bytes
  return bytes.map(part => (typeof part === 'string' ? part : part[0].repeat(part[1]))).join('')
}

/** Gathers pieces, as a session does: what was not used is looked at again with the next. */
class Feed {
  bytes = Buffer.alloc(0)
  at = 0
  scanned = 0

  add(piece: Buffer): void {
    this.bytes = Buffer.concat([this.bytes.subarray(this.at), piece])
    this.at = 0
  }

  get left(): number {
    return this.bytes.length - this.at
  }
}

function pieces(text: string, cuts: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text, 'latin1')
  const ends = cuts.map(cut => cut % (bytes.length + 1)).toSorted((a, b) => a - b)
  let from = 0
  return [...ends, bytes.length].map(end => bytes.subarray(from, (from = end)))
}

/** Every place there is to cut. */
export function everywhere(text: string): number[] {
  return Array.from({ length: text.length }, (_, i) => i)
}

function fieldsOf(head: Head): string[] {
  return Array.from({ length: head.count }, (_, i) => `${head.name(i)}: ${head.value(i)}`)
}

/** Reads a body on. @returns its end: 'whole', 'more' or 'bad' */
class Body {
  text = ''
  #left: number
  readonly #chunks = new ChunkReader()

  constructor(length: number) {
    this.#left = length
  }

  read(feed: Feed): 'whole' | 'more' | 'bad' {
    if (this.#left === CHUNKED) {
      const owner = {
        onData: (bytes: Buffer, start: number, end: number): void => {
          this.text += bytes.toString('latin1', start, end)
        },
      }
      const stopped = this.#chunks.read(feed.bytes, feed.at, feed.bytes.length, owner)
      if (stopped === -1) return 'bad'
      feed.at = stopped
      return this.#chunks.done ? 'whole' : 'more'
    }
    const length = this.#left === TO_THE_END ? feed.left : Math.min(feed.left, this.#left)
    this.text += feed.bytes.toString('latin1', feed.at, feed.at + length)
    feed.at += length
    if (this.#left !== TO_THE_END) this.#left -= length
    return this.#left === 0 ? 'whole' : 'more'
  }
}

export function readRequests(
  text: string,
  cuts: readonly number[] = [],
  keepsEncodedSlash = false,
): OwnReading<OwnRequest> {
  const head = new RequestHead({ keepsEncodedSlash, isSecure: false })
  const feed = new Feed()
  const messages: OwnRequest[] = []
  let body: Body | null = null
  for (const piece of pieces(text, cuts)) {
    feed.add(piece)
    for (;;) {
      if (body === null) {
        const code = head.parse(feed.bytes, feed.at, feed.bytes.length, feed.scanned)
        feed.scanned = code === NEED_MORE ? feed.left : 0
        if (code === NEED_MORE) break
        if (code !== OK) return { messages, end: code }
        feed.at += head.size
        body = new Body(head.body)
      }
      const end = body.read(feed)
      if (end === 'bad') return { messages, end: 400 }
      if (end === 'more') break
      messages.push({
        line: `${head.method} ${head.target.path}${head.target.query} HTTP/1.1`,
        target: head.text.split(' ')[1]!,
        host: head.authority,
        fields: fieldsOf(head),
        body: body.text,
      })
      body = null
    }
  }
  return { messages, end: body === null && feed.left === 0 ? 'whole' : 'more' }
}

/** The answer to one request; `end` is 'whole' once it is, and -1 if bytes follow it. */
export function readResponse(
  text: string,
  cuts: readonly number[],
  asked: string,
  closed: boolean,
): OwnReading<ReadMessage> {
  const head = new ResponseHead()
  const feed = new Feed()
  const messages: ReadMessage[] = []
  let body: Body | null = null
  const push = (content: string): void => {
    messages.push({ line: `${head.status} ${head.reason}`, fields: fieldsOf(head), body: content })
  }
  let done = false
  for (const piece of pieces(text, cuts)) {
    feed.add(piece)
    while (!done) {
      if (body === null) {
        const { bytes, at, scanned } = feed
        const code = head.parse(bytes, at, bytes.length, scanned, asked === 'HEAD')
        feed.scanned = code === NEED_MORE ? feed.left : 0
        if (code === NEED_MORE) break
        if (code !== OK) return { messages, end: 502 }
        feed.at += head.size
        if (head.status < 200 && head.status !== 101) {
          push('')
          continue
        }
        body = new Body(head.body)
      }
      const end = body.read(feed)
      if (end === 'bad') return { messages, end: 502 }
      if (end === 'more') break
      push(body.text)
      done = true
    }
  }
  if (!done && closed && body !== null && head.body === TO_THE_END) {
    push(body.text)
    done = true
  }
  if (!done) return { messages, end: 'more' }
  return { messages, end: feed.left > 0 ? -1 : 'whole' }
}
