/**
 * Why something was refused: what the workers noted of it, and how an address stands now, in words.
 *
 * Main reads the memory of the workers at the question, and at no other time.
 */
import { performance } from 'node:perf_hooks'
import type { Config } from '../config/config.ts'
import { InForce } from '../config/in-force.ts'
import { addressBits, formatAddress, maskAddress, parseAddress } from '../core/address.ts'
import { minutes, seconds, ticks, ticksAt } from '../core/clock.ts'
import { flagsOfAddresses, type KeyKind, reasonFacts } from '../core/reason-facts.ts'
import { AddressList } from '../guard/address-list.ts'
import { STATE_WORDS } from '../shared/address-table.ts'
import type { Shared } from '../shared/layout.ts'
import { REFUSAL_ID_MAX, type Refused } from '../shared/refusal-ring.ts'
import { windowAt } from '../shared/talkers.ts'
import { AddressStates, type ToldState } from './address-state.ts'
import { type Bans, formatCidr } from './bans.ts'
import { EndpointError } from './endpoint.ts'
import { type ToldWider, WiderStates } from './wider-state.ts'

/** Of one id, or recent ones of an address. */
const TOLD_MAX = 20

export interface ToldFlag {
  readonly flag: string
  readonly value: string
}

export interface ToldRefusal {
  readonly reason: string
  readonly kind: 'refusal' | 'rejection' | 'fault'
  readonly means: string
  readonly at: string
  readonly age_s: number
  readonly listener: string
  /** Absent where no route was asked. */
  readonly route?: string
  readonly address: string
  /** Absent where nobody could be answered. */
  readonly request?: string
  readonly status?: number
  readonly retry_after_s?: number
  /** What the guard counts under. */
  readonly key: { readonly kind: KeyKind; readonly value: string }
  /** Scheme, key and subject of who asked, or its JA4; never a credential. */
  readonly client: Readonly<Record<string, string>>
  /** How the address stood then; absent where nothing was known of it. */
  readonly state?: ToldState
  /** What it shares with others and was refused for, as that stands now. */
  readonly shared_now?: ToldWider
  readonly flags: readonly ToldFlag[]
}

export interface ToldAddress {
  readonly address: string
  /** What counts as this client. */
  readonly counted_as: string
  readonly is_known: boolean
  /** Refused by a list, whatever it does. */
  readonly is_denied: boolean
  /** Never banned. */
  readonly is_exempt: boolean
  /** Served last to go, because it was served lately. */
  readonly has_good_record: boolean
  readonly now: ToldState
  /** What it shares with others. */
  readonly shared_now: ToldWider
  readonly ban?: {
    readonly cidr: string
    readonly origin: string
    readonly cause: string
    readonly count: number
    readonly until: string
  }
  /** In the last window of the counts, and the one before it; at least. */
  readonly refused_lately: number
  readonly refusals: readonly ToldRefusal[]
  readonly flags: readonly ToldFlag[]
}

export interface WhyParts {
  readonly config: Config
  readonly shared: Shared
  readonly bans: Bans
}

export class Why {
  readonly #parts: WhyParts
  readonly #states: AddressStates
  readonly #wider: WiderStates
  readonly #list: AddressList
  #inForce: InForce | null = null

  constructor(parts: WhyParts) {
    this.#parts = parts
    const { config, shared } = parts
    this.#states = new AddressStates(config, shared)
    this.#wider = new WiderStates(config, shared)
    this.#list = new AddressList(config.guards.allow, config.guards.deny)
  }

  /** @throws EndpointError if nothing is known of it */
  request(id: string): { readonly refusals: readonly ToldRefusal[] } {
    if (id === '' || id.length > REFUSAL_ID_MAX) {
      throw new EndpointError(400, `an id of a request has 1 to ${REFUSAL_ID_MAX} characters`)
    }
    const found = this.#parts.shared.refusals.flatMap(({ requests, repeats }) => [
      ...requests.ofRequest(id, TOLD_MAX),
      ...repeats.ofRequest(id, TOLD_MAX),
    ])
    if (found.length === 0) throw new EndpointError(404, this.#notKnown())
    return { refusals: this.#tellNewest(found) }
  }

  /** @throws EndpointError if it is no address */
  address(text: string): ToldAddress {
    const { config, shared, bans } = this.#parts
    const words = new Int32Array(4)
    if (!parseAddress(text, words)) {
      throw new EndpointError(400, 'that is no address; write 192.0.2.1 or 2001:db8::1')
    }
    const bits = addressBits(words, config.guards)
    const counted = Int32Array.from(words)
    maskAddress(counted, bits)
    const state = new Int32Array(STATE_WORDS)
    const slot = shared.addresses.pinKnown(counted)
    if (slot !== -1) {
      shared.addresses.copyState(slot, state)
      shared.addresses.unpin(slot)
    }
    const now = ticks()
    const ban = bans.covering(words)
    const found = shared.refusals.flatMap(({ requests, repeats, connections }) =>
      [requests, repeats, connections].flatMap(ring => ring.ofAddress(counted, bits, TOLD_MAX)),
    )
    return {
      address: formatAddress(words),
      counted_as: formatCidr({ words: counted, bits }),
      is_known: slot !== -1,
      is_denied: this.#list.check(words) !== 0,
      is_exempt: this.#states.isExempt(words),
      has_good_record: shared.goodRecords.has(counted, minutes()),
      now: slot === -1 ? this.#states.unknown(now) : this.#states.tell(state, now, seconds()),
      shared_now: this.#wider.of(words, counted, now),
      ...(ban === undefined
        ? {}
        : {
            ban: {
              cidr: ban.cidr,
              origin: ban.origin,
              cause: ban.cause,
              count: ban.count,
              until: dateOf(ban.until * 1000),
            },
          }),
      refused_lately: this.#refusedLately(counted),
      refusals: this.#tellNewest(found),
      flags: this.#flags(flagsOfAddresses(), { listener: -1, route: -1 }),
    }
  }

  #tellNewest(found: readonly Refused[]): readonly ToldRefusal[] {
    return found
      .toSorted((a, b) => b.timeMs - a.timeMs)
      .slice(0, TOLD_MAX)
      .map(each => this.#tell(each))
  }

  #tell(refused: Refused): ToldRefusal {
    const { config } = this.#parts
    const { reason, timeMs, status, retryAfter, id, hasState, state } = refused
    const { name, kind, means, key, flags } = reasonFacts(reason)
    const listener = config.listeners[refused.listener]?.name ?? '?'
    const route = config.routes[refused.route]?.name ?? ''
    const client = noteOf(refused.note)
    return {
      reason: name,
      kind,
      means,
      at: dateOf(timeMs),
      age_s: Math.max(0, Math.round((performance.now() - timeMs) / 1000)),
      listener,
      // One that is called like its listener takes what no other does, or was not asked yet.
      ...(route === '' || route === listener ? {} : { route }),
      address: formatAddress(refused.address),
      ...(id === '' ? {} : { request: id }),
      ...(status === 0 ? {} : { status }),
      ...(retryAfter === 0 ? {} : { retry_after_s: retryAfter }),
      key: { kind: key, value: this.#keyValue(key, refused.address, route || listener, client) },
      client,
      ...(hasState
        ? { state: this.#states.tell(state, ticksAt(timeMs), Math.floor(timeMs / 1000)) }
        : {}),
      ...this.#sharedNow(name, key, refused),
      flags: this.#flags(flags, refused),
    }
  }

  #sharedNow(name: string, key: KeyKind, refused: Refused): { shared_now?: ToldWider } {
    const now = ticks()
    const { address, route } = refused
    if (name === 'host-handshake-rate') return { shared_now: { host: this.#wider.host(now) } }
    if (key === 'prefix') {
      const network = this.#wider.network(address, now)
      return network === null ? {} : { shared_now: { network } }
    }
    if (key !== 'route' && key !== 'address and route') return {}
    const counted = Int32Array.from(address)
    maskAddress(counted, addressBits(counted, this.#parts.config.guards))
    const told = this.#wider.route(route, counted, now)
    return told === null ? {} : { shared_now: { routes: [told] } }
  }

  #keyValue(
    kind: KeyKind,
    address: Int32Array,
    route: string,
    client: Readonly<Record<string, string>>,
  ): string {
    if (kind === 'host') return 'this host'
    if (kind === 'route') return route
    if (kind === 'fingerprint') return client['ja4'] ?? ''
    if (kind === 'identity' || kind === 'credential') {
      return [client['auth'], client['key'] ?? client['subject']].filter(Boolean).join(' ')
    }
    const words = Int32Array.from(address)
    const { guards } = this.#parts.config
    const { prefixIpv4: ipv4Prefix, prefixIpv6: ipv6Prefix } = guards
    const bits = addressBits(words, kind === 'prefix' ? { ipv4Prefix, ipv6Prefix } : guards)
    maskAddress(words, bits)
    const text = formatCidr({ words, bits })
    return kind === 'address and route' ? `${text} on ${route}` : text
  }

  #flags(
    names: readonly string[],
    place: { listener: number; route: number },
  ): readonly ToldFlag[] {
    this.#inForce ??= new InForce(this.#parts.config)
    const { shadow } = this.#parts.config.guards
    const flags = this.#inForce.values(names, place).map(([flag, value]) => ({ flag, value }))
    return shadow.length === 0 ? flags : [...flags, { flag: 'shadow', value: shadow.join(', ') }]
  }

  #refusedLately(counted: Int32Array): number {
    const window = windowAt(performance.now())
    let refused = 0
    for (const { addresses } of this.#parts.shared.refusals) {
      for (const talker of addresses.list(window)) {
        if (talker.key.every((word, i) => word === counted[i])) refused += talker.refused
      }
    }
    return refused
  }

  /** How far back an answer could have come from. */
  #notKnown(): string {
    const reached = this.#parts.shared.refusals.flatMap(({ requests, repeats }) => [
      requests.reachesBackTo(),
      repeats.reachesBackTo(),
    ])
    const latest = Math.max(...reached)
    const since =
      latest === -1
        ? `since weir started, ${dateOf(0)}`
        : `since ${dateOf(latest)} (${Math.round((performance.now() - latest) / 1000)} s)`
    return `no refusal of that request is known; all are remembered ${since}: it was older, or served, or of another weir`
  }
}

function dateOf(ms: number): string {
  return new Date(performance.timeOrigin + ms).toISOString()
}

/** A note is the inside of a JSON object, unless it was too long and cut. */
function noteOf(note: string): Readonly<Record<string, string>> {
  if (note === '') return {}
  try {
    return JSON.parse(`{${note.slice(1)}}`) as Record<string, string>
  } catch {
    return { note: note.slice(1) }
  }
}
