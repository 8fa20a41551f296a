/**
 * The commands for `nft -f -`, made of numbers and names that were parsed.
 *
 * A set per length of prefix, asked with the masked address, in place of one set of intervals: blocks
 * may lie within each other (an address, and later its network), each comes and goes by itself, and
 * adding one to a hundred thousand costs no more than the first.
 */
import { type Block, maskOf } from './block.ts'

/** Elements a set has room for. */
export const SET_SIZE = 131_072

export const COUNTER_NAMES = ['dropped4', 'dropped6'] as const

/** A table anew, in place of one that was left over. */
export function createTable(table: string, ports: readonly number[]): string {
  return [
    deleteTable(table),
    `add table inet ${table}`,
    ...COUNTER_NAMES.map(name => `add counter inet ${table} ${name}`),
    `add set inet ${table} ports { type inet_service; }`,
    `add element inet ${table} ports { ${ports.join(', ')} }`,
    `add chain inet ${table} banned`,
    // Before connection tracking: a flood must not fill its table.
    `add chain inet ${table} arriving { type filter hook prerouting priority raw; policy accept; }`,
    `add rule inet ${table} arriving tcp dport @ports jump banned`,
  ].join('\n')
}

/** Good whether it is there or not. */
export function deleteTable(table: string): string {
  return `add table inet ${table}\ndelete table inet ${table}`
}

export function setName({ family, bits }: Block): string {
  return `v${family}_${bits}`
}

/** The set for blocks like this one, and its rule. */
export function createSet(table: string, block: Block): string {
  const v4 = block.family === 4
  const set = setName(block)
  const address = v4 ? 'ip saddr' : 'ip6 saddr'
  const mask = block.bits === (v4 ? 32 : 128) ? '' : ` & ${maskOf(block)}`
  const counter = COUNTER_NAMES[v4 ? 0 : 1]
  return [
    `add set inet ${table} ${set} { type ipv${block.family}_addr; flags timeout; size ${SET_SIZE}; }`,
    // To this host only: what it forwards to others is not weir's.
    `add rule inet ${table} banned ${address}${mask} @${set} fib daddr type local counter name ${counter} drop`,
  ].join('\n')
}

export interface ElementChange {
  readonly block: Block
  /** 0 removes it. */
  readonly seconds: number
  /** Whether it may be in the set already. */
  readonly isKnown: boolean
}

/**
 * Adds, renews and removes elements; those of one set together.
 *
 * A timeout changes only with a new element. One that is known may have expired by itself, which would make its
 * deletion fail and all else with it, so it is added before.
 */
export function changeElements(table: string, changes: readonly ElementChange[]): string {
  const lines: string[] = []
  const bySet = Map.groupBy(changes, ({ block }) => setName(block))
  for (const [set, ofSet] of bySet) {
    const line = (verb: string, elements: readonly string[]): void => {
      if (elements.length === 0) return
      lines.push(`${verb} element inet ${table} ${set} { ${elements.join(', ')} }`)
    }
    const known = ofSet.filter(({ isKnown }) => isKnown).map(({ block }) => block.address)
    line(
      'add',
      known.map(address => `${address} timeout 60s`),
    )
    line('delete', known)
    line(
      'add',
      ofSet
        .filter(({ seconds }) => seconds > 0)
        .map(({ block, seconds }) => `${block.address} timeout ${seconds}s`),
    )
  }
  return lines.join('\n')
}

/** Sums the packets and bytes of `nft -j list counters`; null if it is something else. */
export function readCounters(json: string): { packets: number; bytes: number } | null {
  let packets = 0
  let bytes = 0
  try {
    const { nftables } = JSON.parse(json) as {
      nftables: { counter?: { packets: number; bytes: number } }[]
    }
    for (const { counter } of nftables) {
      packets += counter?.packets ?? 0
      bytes += counter?.bytes ?? 0
    }
  } catch {
    return null
  }
  return Number.isSafeInteger(packets) && Number.isSafeInteger(bytes) ? { packets, bytes } : null
}
