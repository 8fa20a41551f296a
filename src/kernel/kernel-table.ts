/**
 * The table in the kernel, and what should stand in it.
 *
 * Changes are gathered for a moment and given in one transaction. When one fails, what is in the kernel
 * is no longer known (somebody may have flushed all rules): the table is made anew, with everything.
 */
import { performance } from 'node:perf_hooks'
import type { Block } from './block.ts'
import type { KernelCounters } from './ban-protocol.ts'
import {
  changeElements,
  createSet,
  createTable,
  deleteTable,
  type ElementChange,
  readCounters,
  SET_SIZE,
  setName,
} from './nft-script.ts'
import type { RunNft } from './nft.ts'

const GATHER_MS = 50
/** Elements of one transaction: it must fit the buffer of a netlink socket. */
const BATCH_MAX = 2000
/** From here on nothing more is taken before some of it is done. */
const PENDING_MAX = 10_000
/** How much later than here an element may expire in the kernel. */
const LATE_MS = 5000
const RETRY_MS = [100, 500, 2000, 10_000]

export interface KernelTableParts {
  readonly name: string
  readonly ports: readonly number[]
  readonly run: RunNft
  /** @param total failed transactions so far */
  readonly onFailure: (total: number, message: string) => void
  /** There is room, after {@link KernelTable.isFull} at the latest. */
  readonly onRoom: () => void
}

interface Element {
  readonly block: Block
  readonly untilMs: number
}

export class KernelTable {
  readonly #parts: KernelTableParts
  /** In the kernel, by all that is known. */
  #live = new Map<string, Element>()
  /** To be done; an end of 0 is to remove it. The last word of each block counts. */
  #pending = new Map<string, Element>()
  readonly #sets = new Set<string>()
  #timer: NodeJS.Timeout | null = null
  #tail: Promise<unknown> = Promise.resolve()
  #isRunning = false
  #isBroken = false
  #isGone = false
  #failures = 0
  #failuresInARow = 0
  /** Of tables before this one, and the last reading of this one. */
  #countedBefore = { packets: 0, bytes: 0 }
  #counted = { packets: 0, bytes: 0 }

  constructor(parts: KernelTableParts) {
    this.#parts = parts
  }

  /** @throws if nft cannot */
  create(): Promise<void> {
    return this.#inTurn(() => this.#create())
  }

  get isFull(): boolean {
    return this.#pending.size >= PENDING_MAX
  }

  add(block: Block, seconds: number): void {
    if (!this.#live.has(block.text) && this.#live.size + this.#pending.size >= SET_SIZE) {
      this.#sweep()
      if (this.#live.size + this.#pending.size >= SET_SIZE) {
        return this.#failed(new Error(`no room for more than ${SET_SIZE} blocks`))
      }
    }
    this.#change({ block, untilMs: performance.now() + seconds * 1000 })
  }

  remove(block: Block): void {
    if (!this.#live.has(block.text) && !this.#pending.has(block.text)) return
    this.#change({ block, untilMs: 0 })
  }

  /** @throws if nft cannot; the table is mended then */
  counters(): Promise<KernelCounters> {
    return this.#inTurn(async () => {
      await this.#read()
      this.#sweep()
      const { packets, bytes } = this.#countedBefore
      return {
        packets: packets + this.#counted.packets,
        bytes: bytes + this.#counted.bytes,
        elements: this.#live.size,
      }
    })
  }

  /** Takes all of it out of the kernel. */
  destroy(): Promise<void> {
    this.#isGone = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    return this.#inTurn(async () => {
      await this.#parts.run(['-f', '-'], deleteTable(this.#parts.name))
    })
  }

  async #create(): Promise<void> {
    const { name, ports, run } = this.#parts
    await run(['-f', '-'], createTable(name, ports))
    this.#sets.clear()
    this.#countedBefore = {
      packets: this.#countedBefore.packets + this.#counted.packets,
      bytes: this.#countedBefore.bytes + this.#counted.bytes,
    }
    this.#counted = { packets: 0, bytes: 0 }
    // What came later is the last word.
    this.#pending = new Map([...this.#live, ...this.#pending])
    this.#live = new Map()
    this.#isBroken = false
  }

  async #read(): Promise<void> {
    const { name, run } = this.#parts
    try {
      const counted = readCounters(await run(['-j', 'list', 'counters', 'table', 'inet', name], ''))
      if (counted === null) throw new Error('nft lists counters in an unknown form')
      this.#counted = counted
    } catch (error) {
      this.#broke(error as Error)
      throw error
    }
  }

  #change(element: Element): void {
    this.#pending.set(element.block.text, element)
    this.#schedule(GATHER_MS)
  }

  #schedule(ms: number): void {
    if (this.#isGone || this.#isRunning || this.#timer !== null) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#isRunning = true
      void this.#inTurn(() => this.#apply()).then(ms => {
        this.#isRunning = false
        if (this.#pending.size > 0 || this.#isBroken) this.#schedule(ms)
      })
    }, ms)
  }

  /** One transaction. @returns how long to wait before the next, ms */
  async #apply(): Promise<number> {
    if (this.#isGone) return 0
    let batch: [string, Element][] = []
    try {
      if (this.#isBroken) await this.#create()
      batch = [...this.#pending.entries().take(BATCH_MAX)]
      for (const [key] of batch) this.#pending.delete(key)
      if (batch.length > 0) await this.#parts.run(['-f', '-'], this.#script(batch))
    } catch (error) {
      this.#pending = new Map([...batch, ...this.#pending])
      this.#broke(error as Error)
      return RETRY_MS[Math.min(this.#failuresInARow, RETRY_MS.length) - 1]!
    }
    this.#failuresInARow = 0
    for (const [key, element] of batch) {
      if (element.untilMs === 0) {
        this.#live.delete(key)
      } else {
        this.#live.set(key, element)
        this.#sets.add(setName(element.block))
      }
    }
    if (!this.isFull) this.#parts.onRoom()
    // More of them have waited already.
    return 0
  }

  #script(batch: readonly (readonly [string, Element])[]): string {
    const { name } = this.#parts
    const now = performance.now()
    const newSets = new Map<string, Block>()
    const changes: ElementChange[] = []
    for (const [key, { block, untilMs }] of batch) {
      const isKnown = this.#live.has(key)
      const seconds = untilMs === 0 ? 0 : Math.max(1, Math.ceil((untilMs - now) / 1000))
      // Never made, or gone with a table before: nothing to remove.
      if (seconds === 0 && !isKnown) continue
      if (!this.#sets.has(setName(block))) newSets.set(setName(block), block)
      changes.push({ block, seconds, isKnown })
    }
    const sets = [...newSets.values()].map(block => createSet(name, block))
    return [...sets, changeElements(name, changes)].join('\n')
  }

  #broke(error: Error): void {
    if (this.#isGone) return
    this.#isBroken = true
    this.#failed(error)
    this.#failuresInARow++
    this.#schedule(RETRY_MS[0]!)
  }

  #failed(error: Error): void {
    this.#failures++
    this.#parts.onFailure(this.#failures, error.message)
  }

  #sweep(): void {
    // The kernel's seconds were rounded up, and it began to count them later.
    const now = performance.now() - LATE_MS
    for (const [key, { untilMs }] of this.#live) if (untilMs <= now) this.#live.delete(key)
  }

  /** One nft after the other: each is told what the one before it left. */
  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(task)
    this.#tail = turn.catch(() => {})
    return turn
  }
}
