/**
 * Every way an exchange fails that nobody is refused for, as metrics, access lines and answers name it.
 *
 * An exchange has at most one reason: a refusal (refusals.ts) or one of these.
 */
import type { RefusalName } from './refusals.ts'

export const faults = [
  [
    'no-route',
    'no route of the listener covers the host and the path; it has no pool for the rest (404)',
  ],
  ['no-backend', 'no backend of the pool is up'],
  ['circuit-open', 'the circuit breaker of each backend that is up is open'],
  [
    'adaptive-concurrency',
    'as many requests wait for each backend as --adaptive-concurrency finds good for it, and no place came free: --queue-max others wait already, or --queue-timeout is over',
  ],
  ['queue-full', '--queue-max requests wait already for a backend below its max-connections'],
  ['queue-timeout', 'no backend came below its max-connections within --queue-timeout'],
  ['connect-failed', 'no backend that was tried took the connection'],
  ['connect-timeout', 'the last backend that was tried took longer than --connect-timeout'],
  ['backend-reset', 'the backend closed or reset the connection before its response was whole'],
  ['bad-response', 'the response breaks the rules of RFC 9112, or could be read in two ways'],
  ['response-timeout', 'no head of a response came within --response-timeout'],
  ['exchange-timeout', 'the exchange took longer than --exchange-timeout'],
  ['idle-timeout', 'the response stood still for --idle-timeout'],
  ['client-slow', 'the client took less than --write-rate-min, or nothing for --write-timeout'],
  ['client-gone', 'the client left before it had the whole response'],
  ['drained', 'cut at the end of --drain-timeout'],
  ['evicted', 'its connection was ended to make room for others (docs/overload.md)'],
] as const satisfies readonly (readonly [name: string, cause: string])[]

export type FaultName = (typeof faults)[number][0]

/** Why an exchange ended as it did; '' where there is nothing to say. */
export type Reason = FaultName | RefusalName | ''

const numbers: ReadonlyMap<string, number> = new Map(faults.map(([name], i) => [name, i]))

/** The number of a fault, or -1 for what is none. */
export function faultNumber(reason: Reason): number {
  return numbers.get(reason) ?? -1
}
