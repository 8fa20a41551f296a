/**
 * The guards an address passes, in order. To add one: write its file, add its line here.
 *
 * A limit of 0 turns its guard off: it is not in the list at all, and costs nothing.
 */
import type { AddressTable } from '../shared/address-table.ts'
import { Banned } from './banned.ts'
import { ConnectionRate } from './connection-rate.ts'
import { ConnectionsPerAddress } from './connections-per-address.ts'
import type { Delays } from './delays.ts'
import type { Guard, RequestGuard } from './guard.ts'
import { ErrorRate } from './error-rate.ts'
import { HandshakeRate } from './handshake-rate.ts'
import { RequestRate } from './request-rate.ts'
import { RequestsPerAddress } from './requests-per-address.ts'
import { prefixLimits, type PrefixLimits } from './wider-prefix.ts'
import { refusal } from '../core/refusals.ts'

/** The limits, as in the config; 0 is no limit. */
export interface GuardLimits {
  readonly connectionRate: number
  readonly connectionBurst: number
  readonly connectionsPerAddress: number
  readonly handshakeRate: number
  readonly handshakeBurst: number
  readonly requestRate: number
  readonly requestBurst: number
  readonly errorRate: number
  readonly errorBurst: number
  readonly requestsPerAddress: number
  readonly authFailureRate: number
  readonly authFailureBurst: number
}

/** Right after accept, before anything is read. */
export function connectionGuards(addresses: AddressTable, limits: GuardLimits): readonly Guard[] {
  const guards: Guard[] = [new Banned(addresses)]
  if (limits.connectionRate !== 0) guards.push(new ConnectionRate(addresses, limits))
  if (limits.connectionsPerAddress !== 0) guards.push(new ConnectionsPerAddress(addresses, limits))
  return guards
}

/** Once the ClientHello is whole, before any cryptography. */
export function handshakeGuards(addresses: AddressTable, limits: GuardLimits): readonly Guard[] {
  return limits.handshakeRate === 0 ? [] : [new HandshakeRate(addresses, limits)]
}

/** Once a request head is whole and valid, before anything is done for it. */
export function requestGuards(
  addresses: AddressTable,
  limits: GuardLimits,
  delays: Delays | null,
): readonly RequestGuard[] {
  const guards = [...badRequestGuards(addresses, limits, delays)]
  // Last, because it counts what it lets in.
  if (limits.requestsPerAddress !== 0) guards.push(new RequestsPerAddress(addresses, limits))
  return guards
}

/** For a request that cannot be read: it was work as well. */
export function badRequestGuards(
  addresses: AddressTable,
  limits: GuardLimits,
  delays: Delays | null,
): readonly RequestGuard[] {
  const guards: RequestGuard[] = [new Banned(addresses)]
  if (limits.errorRate !== 0) guards.push(new ErrorRate(addresses, limits))
  if (limits.requestRate !== 0) guards.push(new RequestRate(addresses, limits, delays))
  return guards
}

/** What the network of an address is asked, next to the address. */
export interface PrefixGuards {
  readonly connection: readonly Guard[]
  readonly handshake: readonly Guard[]
  readonly request: readonly RequestGuard[]
  readonly badRequest: readonly RequestGuard[]
}

export function prefixGuards(
  addresses: AddressTable,
  { prefixMultiple, ...one }: GuardLimits & PrefixLimits,
  delays: Delays | null = null,
): PrefixGuards {
  if (prefixMultiple === 0) return { connection: [], handshake: [], request: [], badRequest: [] }
  const limits = prefixLimits(one, prefixMultiple)
  const connection: Guard[] = []
  const handshake: Guard[] = []
  const badRequest: RequestGuard[] = []
  if (limits.connectionRate !== 0) {
    connection.push(new ConnectionRate(addresses, limits, refusal('prefix-connection-rate')))
  }
  if (limits.connectionsPerAddress !== 0) {
    connection.push(new ConnectionsPerAddress(addresses, limits, refusal('prefix-connections')))
  }
  if (limits.handshakeRate !== 0) {
    handshake.push(new HandshakeRate(addresses, limits, refusal('prefix-handshake-rate')))
  }
  if (limits.errorRate !== 0) {
    badRequest.push(new ErrorRate(addresses, limits, refusal('prefix-error-rate')))
  }
  if (limits.requestRate !== 0) {
    badRequest.push(new RequestRate(addresses, limits, delays, refusal('prefix-request-rate')))
  }
  const request = [...badRequest]
  // Last, because it counts what it lets in.
  if (limits.requestsPerAddress !== 0) {
    request.push(new RequestsPerAddress(addresses, limits, refusal('prefix-requests')))
  }
  return { connection, handshake, request, badRequest }
}
