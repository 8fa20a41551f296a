/** Sets of API keys for tests. */
import type { ApiKey, ApiKeySet } from '../../src/auth/api-key.ts'
import { hashKey } from '../../src/auth/api-key-form.ts'
import { KeyUsage } from '../../src/shared/key-usage.ts'

/** A key as workers know it: valid for ever unless told otherwise. */
export function storedKey(secret: string, more: Partial<ApiKey> = {}): ApiKey {
  return {
    id: 'k1',
    name: 'billing',
    hash: hashKey(secret),
    scopes: [],
    limits: null,
    expiresAt: Infinity,
    revokedAt: Infinity,
    imported: false,
    ...more,
  }
}

export function keySet(...keys: ApiKey[]): ApiKeySet {
  return { keys, usage: KeyUsage.forKeys(keys.length).memory }
}
