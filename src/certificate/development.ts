/** A certificate to try weir with: an authority of its own and a leaf for this host, in a folder. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAuthority, issueLeaf } from './authority.ts'
import { inspectCertificate } from './inspect.ts'
import type { KeyType } from './key-pair.ts'
import { daysLeft } from './validity.ts'

/** A leaf with fewer days left is made anew. */
const DAYS_LEFT_MIN = 7

export const DEVELOPMENT_NAMES = ['localhost', '127.0.0.1', '::1'] as const

export interface DevelopmentFiles {
  /** What a client has to trust. */
  readonly authority: string
  readonly cert: string
  readonly key: string
  /** Whether they were made by this call. */
  readonly made: boolean
}

export interface DevelopmentOptions {
  readonly names?: readonly string[]
  readonly keyType?: KeyType | undefined
  readonly now?: Date
}

/**
 * Makes the authority and the leaf, or leaves the ones that are there and still good.
 *
 * @param directory is made if it is not there
 * @throws the system's error if it cannot be written
 */
export function ensureDevelopmentCertificate(
  directory: string,
  { names = DEVELOPMENT_NAMES, keyType, now = new Date() }: DevelopmentOptions = {},
): DevelopmentFiles {
  const files = {
    authority: join(directory, 'ca.pem'),
    cert: join(directory, 'localhost.pem'),
    key: join(directory, 'localhost-key.pem'),
  }
  if (isGood(files.cert, files.key, names, now) && existsSync(files.authority)) {
    return { ...files, made: false }
  }
  mkdirSync(directory, { recursive: true })
  const authority = createAuthority({ keyType })
  const leaf = issueLeaf(authority, { names, keyType })
  writeFileSync(files.authority, authority.certificatePem)
  writeFileSync(join(directory, 'ca-key.pem'), authority.keyPem, { mode: 0o600 })
  writeFileSync(files.cert, leaf.chainPem)
  writeFileSync(files.key, leaf.keyPem, { mode: 0o600 })
  return { ...files, made: true }
}

function isGood(cert: string, key: string, names: readonly string[], now: Date): boolean {
  if (!existsSync(cert) || !existsSync(key)) return false
  const { chain, problems } = inspectCertificate(
    readFileSync(cert, 'utf8'),
    readFileSync(key, 'utf8'),
    now,
  )
  const [leaf] = chain
  return (
    leaf !== undefined &&
    problems.every(({ severity }) => severity !== 'error') &&
    daysLeft(leaf.notAfter, now) >= DAYS_LEFT_MIN &&
    // Node writes IPv6 addresses of certificates out in full: only their count is compared.
    leaf.names.length === names.length
  )
}
