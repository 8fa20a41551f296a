/** How many file descriptors weir may have, and how many connections they are good for. */
import { readdirSync, readFileSync, statSync } from 'node:fs'

/** The client's socket and the backend's. */
const PER_CONNECTION = 2
/** Epoll, listeners (8 sockets each), log, probes and admin, and what Node itself keeps open. */
const PER_WORKER = 128
const OF_MAIN = 256

/** What `--connections-max` is unless given, as far as the descriptors go. */
const CONNECTIONS_DEFAULT = 20_000
const TARPIT_DEFAULT = 1000

/** @returns the limit this process can have; Node raises its soft limit to the hard one at start */
export function descriptorLimit(): number {
  return limitOf(2)
}

/** @returns the limit that holds now: somebody may have lowered it (prlimit) */
export function descriptorLimitNow(): number {
  return limitOf(1)
}

/** @param column 1 is the soft limit, 2 the hard one */
function limitOf(column: 1 | 2): number {
  try {
    const match = /^Max open files\s+(\S+)\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
    const limit = match?.[column] ?? 'unlimited'
    return limit === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(limit)
  } catch {
    return Number.MAX_SAFE_INTEGER
  }
}

export function descriptorsFor(connections: number, workers: number): number {
  return connections * PER_CONNECTION + workers * PER_WORKER + OF_MAIN
}

/** Connections that fit within `limit` descriptors. */
export function connectionsWithin(limit: number, workers: number): number {
  return Math.max(1, Math.floor((limit - descriptorsFor(0, workers)) / PER_CONNECTION))
}

export function defaultConnectionsMax(limit: number, workers: number): number {
  return Math.min(CONNECTIONS_DEFAULT, connectionsWithin(limit, workers))
}

/** Connections that are held in the tarpit unless told: not so many that others miss them. */
export function defaultTarpitMax(limit: number): number {
  return Math.max(1, Math.min(TARPIT_DEFAULT, Math.floor(limit / 8)))
}

/**
 * Descriptors this process has open; 0 where nobody tells.
 *
 * Linux tells their number as the size of the folder (6.2 and later). Before it they are counted, which takes a
 * millisecond for some thousands of them.
 */
export function openDescriptors(): number {
  try {
    const { size } = statSync('/proc/self/fd')
    return size > 0 ? size : readdirSync('/proc/self/fd').length
  } catch {
    return 0
  }
}
