/**
 * A certificate to try weir with: an authority of its own and a leaf for this host, in a folder.
 *
 * Keys that are there are used again, so that an authority once trusted stays trusted; and nothing
 * weir did not make is replaced, whatever folder it is pointed at.
 */
import { createPrivateKey } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AUTHORITY_NAME, createAuthority, type Issued, issueLeaf } from './authority.ts'
import { type Inspection, inspectCertificate } from './inspect.ts'
import type { KeyType } from './key-pair.ts'
import { canonicalNames } from './subject.ts'
import { daysLeft } from './validity.ts'

/** One with fewer days left is made anew. */
const DAYS_LEFT_MIN = 7
/** Backdated for clients whose clock is behind. */
const BACKDATED_MS = 3_600_000
const OWNER_ONLY = 0o600

export const DEVELOPMENT_NAMES = ['localhost', '127.0.0.1', '::1'] as const

export interface DevelopmentFiles {
  /** What a client has to trust. */
  readonly authority: string
  readonly cert: string
  readonly key: string
  /** Whether the leaf was made by this call. */
  readonly made: boolean
}

export interface DevelopmentOptions {
  readonly names?: readonly string[]
  /** Absent: that of the key that is there, or `ec`. */
  readonly keyType?: KeyType | undefined
  readonly now?: Date
  /** Replace also what weir did not make, and keys of another type. */
  readonly force?: boolean
}

interface Pair {
  readonly cert: string
  readonly key: string
}

/**
 * Makes the authority and the leaf, or leaves the ones that are there and still good.
 *
 * @param directory is made if it is not there
 * @throws RangeError if it holds files of these names weir did not make, or a name is not one; the
 *         system's error if it cannot be written
 */
export function ensureDevelopmentCertificate(
  directory: string,
  { names = DEVELOPMENT_NAMES, keyType, now = new Date(), force = false }: DevelopmentOptions = {},
): DevelopmentFiles {
  const wanted = canonicalNames(names)
  const root = { cert: join(directory, 'ca.pem'), key: join(directory, 'ca-key.pem') }
  const leaf = { cert: join(directory, 'localhost.pem'), key: join(directory, 'localhost-key.pem') }
  const authority = readAuthority(root, now)
  const files = { authority: root.cert, ...leaf }
  if (authority !== undefined && isGoodLeaf(leaf, authority, wanted, keyType, now)) {
    return { ...files, made: false }
  }

  // Both are asked for before anything is written: a refusal leaves the folder as it was.
  const rootKey = authority === undefined ? usableKey(root, undefined, force) : authority.keyPem
  const leafKey = usableKey(leaf, keyType, force)
  mkdirSync(directory, { recursive: true })
  const notBefore = new Date(now.getTime() - BACKDATED_MS)
  const issuer = authority ?? createAuthority({ keyType, keyPem: rootKey, notBefore })
  const issued = issueLeaf(issuer, { names: wanted, keyType, keyPem: leafKey, notBefore })
  if (authority === undefined) writePair(root, issuer)
  writePair(leaf, issued)
  return { ...files, made: true }
}

/** Writes a file only its owner can read, at once and whole, whoever could read the one before. */
export function writePrivate(path: string, text: string): void {
  const draft = `${path}.${process.pid}.tmp`
  rmSync(draft, { force: true })
  writeFileSync(draft, text, { mode: OWNER_ONLY, flag: 'wx' })
  renameSync(draft, path)
}

function writePair({ cert, key }: Pair, { chainPem, keyPem }: Issued): void {
  writePrivate(key, keyPem)
  writeFileSync(cert, chainPem)
}

/** The authority in the folder, if it can go on issuing. */
function readAuthority(pair: Pair, now: Date): Issued | undefined {
  const found = inspectPair(pair, now)
  if (found === undefined || !isGood(found, now) || !found.chain[0]!.isAuthority) return undefined
  const certificatePem = readFileSync(pair.cert, 'utf8')
  return { certificatePem, chainPem: certificatePem, keyPem: readFileSync(pair.key, 'utf8') }
}

function isGoodLeaf(
  pair: Pair,
  authority: Issued,
  names: readonly string[],
  keyType: KeyType | undefined,
  now: Date,
): boolean {
  const found = inspectPair(pair, now)
  if (found === undefined || !isGood(found, now)) return false
  const leaf = found.chain[0]!
  const [root] = inspectCertificate(authority.certificatePem, undefined, now).chain
  return (
    // The chain in the file ends in this very authority, and every certificate in its place.
    found.chain[1]?.fingerprint === root?.fingerprint &&
    found.problems.length === 0 &&
    names.every(name => leaf.names.includes(name)) &&
    leaf.names.length === names.length &&
    (keyType === undefined || leaf.keyType === keyType)
  )
}

function inspectPair({ cert, key }: Pair, now: Date): Inspection | undefined {
  if (!existsSync(cert) || !existsSync(key)) return undefined
  return inspectCertificate(readFileSync(cert, 'utf8'), readFileSync(key, 'utf8'), now, {
    expiryWarningDays: DAYS_LEFT_MIN,
  })
}

function isGood({ chain: [first], problems }: Inspection, now: Date): boolean {
  return (
    first !== undefined &&
    problems.every(({ severity }) => severity !== 'error') &&
    first.notBefore <= now &&
    daysLeft(first.notAfter, now) >= DAYS_LEFT_MIN
  )
}

/**
 * The key to certify anew; undefined if there is none, or it is to be replaced.
 *
 * @throws RangeError if what is there is not weir's to replace
 */
function usableKey(
  { cert, key }: Pair,
  keyType: KeyType | undefined,
  force: boolean,
): string | undefined {
  if (force) return undefined
  const remedy = 'move it away, choose another folder, or force it'
  if (existsSync(cert) && !isOwn(cert)) {
    throw new RangeError(`${cert} was not issued by a ${AUTHORITY_NAME}: ${remedy}`)
  }
  if (!existsSync(key)) return undefined
  const keyPem = readFileSync(key, 'utf8')
  const found = typeOf(keyPem)
  if (found !== 'ec' && found !== 'rsa') {
    throw new RangeError(`${key} holds no ec or rsa key weir can read: ${remedy}`)
  }
  if (keyType !== undefined && found !== keyType) {
    throw new RangeError(`${key} holds a key of type ${found}, not ${keyType}: ${remedy}`)
  }
  return keyPem
}

function isOwn(cert: string): boolean {
  const { chain } = inspectCertificate(readFileSync(cert, 'utf8'), undefined, new Date())
  return chain[0]?.issuer === `CN=${AUTHORITY_NAME}`
}

function typeOf(keyPem: string): string | undefined {
  try {
    return createPrivateKey(keyPem).asymmetricKeyType
  } catch {
    return undefined
  }
}
