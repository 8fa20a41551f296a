/** The addresses that attackers come from. Clients that behave have 127.0.2.1 and the next ones. */

const ADDRESSES = 254
const THOUSAND = 1000
const NETWORKS = 250
const BYTE = 256
const WORD = 65_536

/** `n` counts the connections of the attacker. */
const sources = {
  one: () => '127.0.1.1',
  /** All of one /24. */
  network: n => `127.0.1.${1 + (n % ADDRESSES)}`,
  /** 1,000, four of each /24. */
  thousand: n => {
    const i = n % THOUSAND
    return `127.10.${i % NETWORKS}.${1 + Math.floor(i / NETWORKS)}`
  },
  /** Each another, of 127.0.0.0/8. */
  ipv4: () => `127.${16 + random(240)}.${random(BYTE)}.${1 + random(ADDRESSES)}`,
  /** Each another, mostly of another /64, of a /48 that is local in the namespace. */
  ipv6: () => `fd00:0:0:${Array.from({ length: 5 }, () => random(WORD).toString(16)).join(':')}`,
} as const satisfies Record<string, (n: number) => string>

export type SourceName = keyof typeof sources

export function sourceOf(name: SourceName, n: number): string {
  return sources[name](n)
}

/** Where the attackers from there connect to. */
export function targetOf(name: SourceName): string {
  return name === 'ipv6' ? '::1' : '127.0.0.1'
}

export function politeSource(client: number): string {
  return `127.0.2.${1 + client}`
}

function random(below: number): number {
  return Math.floor(Math.random() * below)
}
