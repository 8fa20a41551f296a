/** Shared memory as the workers see it, small and with a known hash key, and addresses to put in. */
import assert from 'node:assert/strict'
import { ADDRESS_WORDS, parseAddress } from '../../src/core/address.ts'
import { UP, WEIGHT_SCALE } from '../../src/shared/backend-table.ts'
import { createShared, type LayoutOptions, type Shared } from '../../src/shared/layout.ts'

export const HASH_KEY = { k0: 0x03020100, k1: 0x07060504 }

const SMALL: LayoutOptions = {
  workers: 2,
  backends: 3,
  listeners: 2,
  routes: 2,
  addresses: 64,
  moreBuckets: true,
  sessionsPerWorker: 16,
  requestsPerWorker: 16,
  proofs: 64,
  hashKey: HASH_KEY,
}

/** Backends are up, of weight 1, without a limit. */
export function makeShared(options: Partial<LayoutOptions> = {}): Shared {
  const shared = createShared({ ...SMALL, ...options })
  for (let backend = 0; backend < shared.backends.count; backend++) {
    shared.backends.setState(backend, UP)
    shared.backends.setWeight(backend, WEIGHT_SCALE)
  }
  return shared
}

export function addressOf(text: string): Int32Array {
  const words = new Int32Array(ADDRESS_WORDS)
  assert(parseAddress(text, words), text)
  return words
}

/** The address number `n` of many: 10.0.0.0 and up. */
export function numbered(n: number, words = new Int32Array(ADDRESS_WORDS)): Int32Array {
  words[2] = 0xffff
  words[3] = (0x0a000000 + n) | 0
  return words
}
