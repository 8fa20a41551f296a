/**
 * One look over all of the address table, in slices, so that main goes on meanwhile: who holds most, by address and
 * by the network it lies in. Memory goes by how many are asked for, and by networks with somebody in them.
 */
import { setImmediate } from 'node:timers/promises'
import { ADDRESS_WORDS, type CountedPrefixes, isIpv4, maskAddress } from '../core/address.ts'
import { seconds } from '../core/clock.ts'
import { NO_ADDRESS } from '../core/prefix-words.ts'
import {
  type AddressTable,
  banEnd,
  STATE_CONNECTIONS,
  STATE_REQUESTS,
  STATE_SCORE,
  STATE_WORDS,
} from '../shared/address-table.ts'
import { formatCidr } from './bans.ts'

const SLICE = 16_384
/** Addresses that are kept while it goes on; who holds less than all of these is left out. */
const KEPT = 4096
const NETWORKS_MAX = 65_536
/** Networks that belong to one, mostly. */
const IPV4_NETWORK = 24
const IPV6_NETWORK = 48

export interface Holder {
  connections: number
  requests: number
  banned: number
  /** Addresses of it that were seen; 1 for an address. */
  addresses: number
}

export interface Scan {
  /** By block, in its one spelling. */
  readonly addresses: ReadonlyMap<string, Holder>
  readonly networks: ReadonlyMap<string, Holder>
}

interface Kept extends Holder {
  readonly words: Int32Array
}

export class AddressScan {
  readonly #table: AddressTable
  readonly #prefixes: CountedPrefixes
  /** The one that runs: whoever asks meanwhile gets the same. */
  #running: Promise<Scan> | null = null

  constructor(table: AddressTable, prefixes: CountedPrefixes) {
    this.#table = table
    this.#prefixes = prefixes
  }

  look(): Promise<Scan> {
    this.#running ??= this.#look().finally(() => (this.#running = null))
    return this.#running
  }

  async #look(): Promise<Scan> {
    const table = this.#table
    let kept: Kept[] = []
    const networks = new Map<string, Holder>()
    const words = new Int32Array(ADDRESS_WORDS)
    const state = new Int32Array(STATE_WORDS)
    // The last one is shared by those who found no room: nobody's address.
    const end = table.slots - 1
    for (let slot = 0; slot < end; slot++) {
      if (slot % SLICE === SLICE - 1) await setImmediate()
      if (!table.glance(slot, words, state) || isNobody(words)) continue
      const connections = Math.max(0, state[STATE_CONNECTIONS]!)
      const requests = Math.max(0, state[STATE_REQUESTS]!)
      const banned = banEnd(state[STATE_SCORE]!) > seconds() ? 1 : 0
      if (connections + requests + banned === 0) continue
      kept.push({ words: words.slice(), connections, requests, banned, addresses: 1 })
      if (kept.length === 2 * KEPT) kept = largest(kept)
      addTo(networks, networkOf(words), { connections, requests, banned, addresses: 1 })
    }
    const addresses = new Map<string, Holder>()
    for (const { words: address, ...holder } of largest(kept)) {
      addresses.set(blockOf(address, this.#prefixes), holder)
    }
    return { addresses, networks }
  }
}

/** Identities, fingerprints, and networks with limits of their own, which are in the same table. */
function isNobody(words: Int32Array): boolean {
  return words[0]! >>> 24 === NO_ADDRESS >>> 24
}

/** The network an address lies in, in its one spelling. */
export function networkOf(address: Int32Array): string {
  return blockOf(address, { ipv4Prefix: IPV4_NETWORK, ipv6Prefix: IPV6_NETWORK })
}

export function blockOf(address: Int32Array, { ipv4Prefix, ipv6Prefix }: CountedPrefixes): string {
  const bits = isIpv4(address) ? 96 + ipv4Prefix : ipv6Prefix
  const words = Int32Array.from(address)
  maskAddress(words, bits)
  return formatCidr({ words, bits })
}

/** A map that is full takes no more: networks without much in them would come one by one. */
function addTo(map: Map<string, Holder>, key: string, more: Holder): void {
  const known = map.get(key)
  if (known !== undefined) {
    known.connections += more.connections
    known.requests += more.requests
    known.banned += more.banned
    known.addresses += more.addresses
  } else if (map.size < NETWORKS_MAX) map.set(key, more)
}

function largest(kept: readonly Kept[]): Kept[] {
  return kept
    .toSorted((a, b) => b.connections + b.requests - a.connections - a.requests)
    .slice(0, KEPT)
}
