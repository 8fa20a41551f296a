/**
 * Bans that the kernel enforces (`--kernel-bans nftables`): packets of a banned address are dropped
 * before they cost a connection.
 *
 * It only saves work: weir refuses the banned by itself as well, so bans stay bans while the helper is
 * away, and those that must not go to the kernel are left to weir.
 */
import type { Logger } from 'pino'
import type { KernelBansConfig } from '../config/config.ts'
import { ADDRESS_WORDS } from '../core/address.ts'
import { type Cidr, parseCidr } from '../core/cidr-set.ts'
import { seconds as now } from '../core/clock.ts'
import {
  formatRequest,
  type KernelCounters,
  parseReply,
  type Reply,
  REPLY_MAX,
  SECONDS_MAX,
} from '../kernel/ban-protocol.ts'
import { type Block, parseBlock } from '../kernel/block.ts'
import { LineReader } from '../kernel/line-reader.ts'
import type { Ban, BanListener } from './bans.ts'
import { findHelper, type KernelHelper } from './kernel-helper.ts'

export const leftOutCauses = ['exempt', 'full'] as const

/** Bans handed on at once: half of what a set of the helper has room for. */
const BANS_MAX = 65_536
/** A helper that lets this wait does not work. All bans at once are less. */
const UNSENT_MAX = 8 * 1024 * 1024
const HELLO_MS = 10_000
const COUNTERS_MS = 2000
const BACK_OFF_MS = [100, 500, 2000, 10_000]

export interface KernelBansParts {
  readonly config: KernelBansConfig
  /** CIDRs of those who are never banned, trusted proxies among them: blocks that hold one are left to weir. */
  readonly exempt: readonly string[]
  readonly log: Logger
  readonly find?: (path: string, table: string) => Promise<KernelHelper | string>
}

interface Sent {
  readonly block: Block
  /** Seconds since the process started. */
  readonly until: number
}

export class KernelBans implements BanListener {
  /** Transactions that failed, connections to the helper that ended, and bans that were left to weir, by cause. */
  failures = 0
  losses = 0
  readonly leftOut: [exempt: number, full: number] = [0, 0]
  readonly #parts: KernelBansParts
  readonly #exempt: readonly Cidr[]
  readonly #bans = new Map<string, Sent>()
  #ports: readonly number[] = []
  #helper: KernelHelper | null = null
  #isReady = false
  #isStopping = false
  #attempts = 0
  #timer: NodeJS.Timeout | null = null
  /** Of helpers before this one, and the last that this one told. */
  #countedBefore = { packets: 0, bytes: 0 }
  #counted: KernelCounters = { packets: 0, bytes: 0, elements: 0 }
  #asked: { promise: Promise<void>; resolve: () => void } | null = null

  constructor(parts: KernelBansParts) {
    this.#parts = parts
    this.#exempt = parts.exempt.map(text => parseCidr(text)!)
  }

  /**
   * @param ports that are listened on
   * @returns why it cannot be, or null
   */
  start(ports: readonly number[]): Promise<string | null> {
    this.#ports = [...new Set(ports)]
    return this.#connect()
  }

  get isConnected(): boolean {
    return this.#isReady
  }

  /** Hands a ban on, or a new end of one. */
  added({ cidr, until, isDirect }: Ban): void {
    // Told as long as a next one would follow on it.
    if (until <= now()) return
    const block = parseBlock(cidr)
    // Packets of those a proxy speaks for come from the proxy.
    if (block === null || !isDirect || this.#isExempt(block)) {
      this.leftOut[0]++
      return
    }
    if (this.#bans.size >= BANS_MAX && !this.#bans.has(block.text)) {
      this.#sweep()
      if (this.#bans.size >= BANS_MAX) {
        this.leftOut[1]++
        return
      }
    }
    const ban = { block, until }
    this.#bans.set(block.text, ban)
    this.#send(ban)
  }

  removed(cidr: string): void {
    const block = parseBlock(cidr)
    if (block === null || !this.#bans.delete(block.text)) return
    this.#write(formatRequest({ type: 'remove', block }))
  }

  /** What the kernel has counted since weir started; the last known where the helper does not answer. */
  async counters(): Promise<KernelCounters> {
    if (this.#isReady) {
      this.#asked ??= Promise.withResolvers<void>()
      const { promise, resolve } = this.#asked
      this.#write('counters\n')
      const timer = setTimeout(resolve, COUNTERS_MS)
      await promise
      clearTimeout(timer)
    }
    return {
      packets: this.#countedBefore.packets + this.#counted.packets,
      bytes: this.#countedBefore.bytes + this.#counted.bytes,
      elements: this.#counted.elements,
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#isReady = false
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#helper?.end()
  }

  async #connect(): Promise<string | null> {
    const { config, find = findHelper } = this.#parts
    const helper = await find(config.socket, config.table)
    if (typeof helper === 'string') return helper
    this.#helper = helper
    if (this.#isStopping) {
      await helper.end()
      return null
    }
    const { socket } = helper
    const { promise, resolve } = Promise.withResolvers<string | null>()
    const timer = setTimeout(() => {
      resolve(`the helper did not answer within ${HELLO_MS} ms`)
      socket.destroy()
    }, HELLO_MS)
    const reader = new LineReader(REPLY_MAX, line => {
      const reply = parseReply(line)
      if (reply === null) socket.destroy()
      else if (this.#isReady) this.#take(reply)
      else resolve(this.#greeted(reply))
    })
    socket.on('data', (bytes: Buffer) => {
      if (!reader.take(bytes)) socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      resolve('the helper ended the connection without a word')
      this.#lost(helper)
    })
    socket.write(formatRequest({ type: 'hello', ports: this.#ports }))
    const problem = await promise
    clearTimeout(timer)
    if (problem === null) this.#ready()
    else socket.destroy()
    return problem
  }

  /** @returns what is wrong, or null */
  #greeted(reply: Reply): string | null {
    const { table } = this.#parts.config
    if (reply.type === 'error') return reply.text
    if (reply.type !== 'ready') return 'the helper did not greet'
    if (reply.table === table) return null
    return `the helper has table ${reply.table}, not ${table}; give both the same (--kernel-bans-table)`
  }

  #ready(): void {
    this.#isReady = true
    this.#attempts = 0
    this.#parts.log.info(
      { table: this.#parts.config.table, bans: this.#bans.size },
      'kernel bans are on',
    )
    for (const ban of this.#bans.values()) this.#send(ban)
  }

  #take(reply: Reply): void {
    if (reply.type === 'counters') {
      this.#counted = reply
      this.#asked?.resolve()
      this.#asked = null
    } else if (reply.type === 'failed') {
      this.failures++
      this.#parts.log.error({ error: reply.text }, 'kernel bans failed, trying again')
    } else if (reply.type === 'error') {
      this.#parts.log.error({ error: reply.text }, 'kernel bans were refused')
    }
  }

  #lost(helper: KernelHelper): void {
    if (this.#helper !== helper) return
    this.#helper = null
    // A start that failed tells why by itself.
    const wasReady = this.#isReady
    this.#isReady = false
    this.#asked?.resolve()
    this.#asked = null
    this.#countedBefore = {
      packets: this.#countedBefore.packets + this.#counted.packets,
      bytes: this.#countedBefore.bytes + this.#counted.bytes,
    }
    this.#counted = { packets: 0, bytes: 0, elements: 0 }
    if (!wasReady || this.#isStopping) return
    this.losses++
    this.#parts.log.error('the helper for kernel bans is gone, weir refuses alone until it is back')
    this.#retry()
  }

  #retry(): void {
    const waitMs = BACK_OFF_MS[Math.min(this.#attempts++, BACK_OFF_MS.length - 1)]!
    this.#timer = setTimeout(() => {
      void this.#connect().then(problem => {
        if (problem === null || this.#isStopping) return
        this.#parts.log.error({ error: problem }, 'kernel bans are still off')
        this.#retry()
      })
    }, waitMs)
  }

  #send({ block, until }: Sent): void {
    const seconds = Math.min(until - now(), SECONDS_MAX)
    if (seconds > 0) this.#write(formatRequest({ type: 'add', block, seconds }))
  }

  #write(line: string): void {
    const socket = this.#helper?.socket
    if (!this.#isReady || socket === undefined) return
    socket.write(line)
    if (socket.writableLength > UNSENT_MAX) socket.destroy()
  }

  /** Whether it holds an exempt address, or lies within exempt ones. */
  #isExempt(block: Block): boolean {
    const cidr = parseCidr(block.text)!
    return this.#exempt.some(exempt => overlap(cidr, exempt))
  }

  #sweep(): void {
    const time = now()
    for (const [key, { until }] of this.#bans) if (until <= time) this.#bans.delete(key)
  }
}

/** Whether two blocks have an address in common: the wider one holds the other then. */
function overlap(a: Cidr, b: Cidr): boolean {
  const bits = Math.min(a.bits, b.bits)
  for (let i = 0; i < ADDRESS_WORDS && i * 32 < bits; i++) {
    const shared = bits - i * 32
    const mask = shared >= 32 ? -1 : -1 << (32 - shared)
    if ((a.words[i]! & mask) !== (b.words[i]! & mask)) return false
  }
  return true
}
