/**
 * Provokes refusals at a real weir and looks at its counters: each is counted once, under its own reason and no other.
 *
 * Every row of core/refusals.ts has a place in {@link stages}, and the flow test of that stage provokes it.
 */
import type { Test } from 'tap'
import type { RefusalName } from '../../src/core/refusals.ts'
import { countedRefusals } from './refusal-counts.ts'
import type { RunningWeir } from './weir.ts'

/** Where in the life of a client it is told no. */
export const stages = {
  connection: [
    'denied',
    'banned',
    'connection-rate',
    'connections-per-address',
    'connections-max',
    'overload-stranger',
    'overload-closed',
    'prefix-connection-rate',
    'prefix-connections',
    'draining',
    'proxy-header-malformed',
    'proxy-header-timeout',
  ],
  handshake: [
    'handshake-rate',
    'host-handshake-rate',
    'prefix-handshake-rate',
    'not-tls',
    'hello-malformed',
    'hello-too-large',
    'hello-timeout',
    'bad-server-name',
    'unknown-server-name',
    'tls-version',
    'fingerprint-denied',
    'fingerprint-rate',
    'certificate-missing',
    'certificate-untrusted',
  ],
  request: [
    'request-rate',
    'requests-per-address',
    'error-rate',
    'route-request-rate',
    'route-address-rate',
    'body-rate',
    'prefix-request-rate',
    'prefix-requests',
    'prefix-error-rate',
    'bad-request',
    'request-too-large',
    'request-timeout',
    'not-supported',
  ],
  credential: [
    'credential-missing',
    'credential-ambiguous',
    'key-malformed',
    'key-checksum',
    'key-unknown',
    'key-expired',
    'key-revoked',
    'token-inactive',
    'introspection-down',
    'keys-unavailable',
    'auth-busy',
    'scope-missing',
    'claim-mismatch',
    'auth-failure-rate',
    'prefix-auth-failure-rate',
    'identity-rate',
    'identity-concurrency',
  ],
  token: [
    'token-malformed',
    'token-encoding',
    'token-trailing',
    'token-detached',
    'token-encrypted',
    'token-not-json',
    'token-duplicate',
    'token-nesting',
    'token-oversized',
    'token-alg-none',
    'token-alg-not-allowed',
    'token-alg-not-of-key',
    'token-alg-symmetric',
    'token-key-embedded',
    'token-crit',
    'token-key-unknown',
    'token-signature',
    'token-expired',
    'token-early',
    'token-from-future',
    'token-audience',
    'token-issuer',
    'token-type',
    'token-claim',
    'token-binding',
    'dpop-missing',
    'dpop-malformed',
    'dpop-signature',
    'dpop-mismatch',
    'dpop-stale',
    'dpop-replayed',
  ],
} as const satisfies Readonly<Record<string, readonly RefusalName[]>>

/** No guard but those that `flags` set, nobody banned for refusals, and no probes. */
export function guardedBy(...flags: readonly string[]): string[] {
  const off = Object.entries(OFF).filter(([flag]) => !flags.includes(flag))
  return [...off.flat(), ...flags]
}

const OFF = {
  '--connection-rate': '0',
  '--connections-per-address': '0',
  '--handshake-rate': '0',
  '--host-handshake-rate': '0',
  '--request-rate': '0',
  '--requests-per-address': '0',
  '--prefix-multiple': '0',
  '--auth-failure-rate': '0',
  '--ban-threshold': '0',
  '--probe': 'none',
}

/** Has weir refuse somebody, so many times; it is awaited until weir has decided. */
export type Provocation = readonly [
  reason: RefusalName,
  provoke: (times: number) => Promise<unknown>,
]

export class Provocations {
  readonly #stage: readonly RefusalName[]
  readonly #provoked = new Set<RefusalName>()

  constructor(stage: keyof typeof stages) {
    this.#stage = stages[stage]
  }

  /**
   * Provokes them in turn: the first once, the second twice and so on, so that none is counted for another unseen.
   *
   * @param weir has refused nobody yet
   */
  async run(t: Test, weir: RunningWeir, ...provocations: readonly Provocation[]): Promise<void> {
    const wanted: Record<string, number> = {}
    for (const [i, [reason, provoke]] of provocations.entries()) {
      await provoke(i + 1)
      wanted[reason] = (wanted[reason] ?? 0) + i + 1
      this.#provoked.add(reason)
    }
    await countsAre(t, weir, wanted)
  }

  /** Counts those that were provoked in a way of their own. */
  async ran(t: Test, weir: RunningWeir, wanted: Readonly<Record<string, number>>): Promise<void> {
    for (const reason of Object.keys(wanted)) this.#provoked.add(reason as RefusalName)
    await countsAre(t, weir, wanted)
  }

  /** All of the stage were. */
  areAll(t: Test): void {
    t.strictSame(
      this.#stage.filter(reason => !this.#provoked.has(reason)),
      [],
      'nobody provoked these',
    )
  }
}

async function countsAre(
  t: Test,
  weir: RunningWeir,
  wanted: Readonly<Record<string, number>>,
): Promise<void> {
  const { refused } = await countedRefusals(weir, { refused: wanted, shadowed: {} })
  t.strictSame(refused, wanted)
}
