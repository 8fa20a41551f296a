/**
 * What weir and the helper that holds CAP_NET_ADMIN say to each other: lines of ASCII.
 *
 * The helper believes nothing: a line that is not exactly one of these forms ends the connection. All
 * it can be made to do is to drop TCP to some ports from some addresses for some time.
 *
 *     weir    hello 1 443,8443            helper  ready weir | error TEXT
 *             add 192.0.2.0/24 600                failed TOTAL TEXT
 *             remove 192.0.2.0/24                 counters PACKETS BYTES ELEMENTS
 *             counters
 */
import { type Block, parseBlock } from './block.ts'

export const PORTS_MAX = 64
/** A year: what is to last longer is told again when weir starts. */
export const SECONDS_MAX = 31_536_000
/** The longest is a hello with all its ports. */
export const REQUEST_MAX = 8 + PORTS_MAX * 6
export const REPLY_MAX = 512

export type Request =
  | { readonly type: 'hello'; readonly ports: readonly number[] }
  | { readonly type: 'add'; readonly block: Block; readonly seconds: number }
  | { readonly type: 'remove'; readonly block: Block }
  | { readonly type: 'counters' }

export interface KernelCounters {
  /** Dropped since the connection began. */
  readonly packets: number
  readonly bytes: number
  /** Blocks in the sets now. */
  readonly elements: number
}

export type Reply =
  | { readonly type: 'ready'; readonly table: string }
  | { readonly type: 'error'; readonly text: string }
  | { readonly type: 'failed'; readonly total: number; readonly text: string }
  | ({ readonly type: 'counters' } & KernelCounters)

/** A number from 1 on, without leading zeros. */
const HELLO = /^hello 1 ([1-9]\d{0,4}(?:,[1-9]\d{0,4})*)$/
const ADD = /^add ([0-9a-f:./]{1,49}) ([1-9]\d{0,7})$/
const REMOVE = /^remove ([0-9a-f:./]{1,49})$/
const TABLE = /^[A-Za-z][A-Za-z0-9_]{0,31}$/
const READY = /^ready (\S{1,32})$/
const TEXT = /^(?:error|failed (\d{1,15})) ([\x20-\x7e]*)$/
const COUNTERS = /^counters (\d{1,15}) (\d{1,15}) (\d{1,15})$/

/** Whether it can be the name of the table: it stands in what nft reads. */
export function isTableName(text: string): boolean {
  return TABLE.test(text)
}

/** @returns null for anything that weir does not write */
export function parseRequest(line: string): Request | null {
  if (line === 'counters') return { type: 'counters' }
  const add = ADD.exec(line)
  if (add !== null) {
    const block = canonicalBlock(add[1]!)
    const seconds = Number(add[2])
    return block === null || seconds > SECONDS_MAX ? null : { type: 'add', block, seconds }
  }
  const remove = REMOVE.exec(line)
  if (remove !== null) {
    const block = canonicalBlock(remove[1]!)
    return block === null ? null : { type: 'remove', block }
  }
  const hello = HELLO.exec(line)
  if (hello === null) return null
  const ports = hello[1]!.split(',').map(Number)
  if (ports.length > PORTS_MAX || ports.some(port => port > 65_535)) return null
  return { type: 'hello', ports }
}

export function formatRequest(request: Request): string {
  if (request.type === 'hello') return `hello 1 ${request.ports.join(',')}\n`
  if (request.type === 'add') return `add ${request.block.text} ${request.seconds}\n`
  if (request.type === 'remove') return `remove ${request.block.text}\n`
  return 'counters\n'
}

/** @returns null for anything that the helper does not write */
export function parseReply(line: string): Reply | null {
  const ready = READY.exec(line)
  if (ready !== null) return { type: 'ready', table: ready[1]! }
  const counters = COUNTERS.exec(line)
  if (counters !== null) {
    const [packets, bytes, elements] = counters.slice(1).map(Number) as [number, number, number]
    return { type: 'counters', packets, bytes, elements }
  }
  const text = TEXT.exec(line)
  if (text === null) return null
  if (text[1] === undefined) return { type: 'error', text: text[2]! }
  return { type: 'failed', total: Number(text[1]), text: text[2]! }
}

export function formatReply(reply: Reply): string {
  if (reply.type === 'ready') return `ready ${reply.table}\n`
  if (reply.type === 'error') return `error ${oneLine(reply.text)}\n`
  if (reply.type === 'failed') return `failed ${reply.total} ${oneLine(reply.text)}\n`
  return `counters ${reply.packets} ${reply.bytes} ${reply.elements}\n`
}

function canonicalBlock(text: string): Block | null {
  const block = parseBlock(text)
  return block?.text === text ? block : null
}

function oneLine(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, REPLY_MAX - 32)
}
