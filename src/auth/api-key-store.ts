/**
 * Changes the file of API keys, one process at a time, so that a reader sees the old text or the new one.
 */
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  type Stats,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { formatKeys, type KeyRecord, parseKeys } from './api-key-file.ts'

const LOCK_WAIT_MS = 5000
const LOCK_STEP_MS = 20
/** Its owner's alone; of a file that is there the group may read on. */
const MODE = 0o600
const MODE_KEPT = 0o660

/** What an operator can mend: said as a sentence, without a stack. */
export class StoreError extends Error {}

/** @throws StoreError @returns no keys if there is no such file */
export function readKeys(path: string): readonly KeyRecord[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new StoreError(`${path}: ${(error as Error).message}`)
  }
  const read = parseKeys(text)
  if ('error' in read) throw new StoreError(`${path}: ${read.error}`)
  return read.keys
}

/**
 * Reads the keys, lets `change` say what they shall be, and writes that.
 *
 * @throws StoreError if another process holds the lock for too long, or the file cannot be read or written
 */
export async function changeKeys<T extends { readonly keys: readonly KeyRecord[] }>(
  path: string,
  change: (keys: readonly KeyRecord[]) => T,
): Promise<T> {
  const lock = `${path}.lock`
  await takeLock(lock)
  try {
    const changed = change(readKeys(path))
    writeAtomically(path, formatKeys(changed.keys))
    return changed
  } finally {
    unlinkSync(lock)
  }
}

/**
 * Writes a file whole or not at all, to be read by its owner alone.
 *
 * @throws StoreError
 */
export function writeAtomically(path: string, text: string): void {
  const written = `${path}.${process.pid}.tmp`
  try {
    const before = statOf(path)
    const file = openSync(written, 'w', MODE)
    try {
      if (before !== null) keepAccess(file, before)
      writeFileSync(file, text)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(written, path)
  } catch (error) {
    throw new StoreError((error as Error).message, { cause: error })
  }
}

/** Who changes it, the superuser as a rule, does so for the user that weir runs as. */
function keepAccess(file: number, { uid, gid, mode }: Stats): void {
  try {
    fchownSync(file, uid, gid)
    // Not at opening: the umask would take from it.
    fchmodSync(file, mode & MODE_KEPT)
  } catch (error) {
    // Of somebody else, and not ours to give: then it is its owner's alone, and weir tells if it cannot read it.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
  }
}

async function takeLock(lock: string): Promise<void> {
  const end = performance.now() + LOCK_WAIT_MS
  while (!tryLock(lock)) {
    if (isOrphaned(lock)) continue
    if (performance.now() > end) {
      throw new StoreError(
        `${lock} is held by another weir keys for over ${LOCK_WAIT_MS / 1000} s; remove it if none runs`,
      )
    }
    await pause(LOCK_STEP_MS)
  }
}

function tryLock(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx', mode: MODE })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw new StoreError((error as Error).message, { cause: error })
  }
}

/** Removes the lock of a process that is gone. */
function isOrphaned(lock: string): boolean {
  try {
    const owner = Number(readFileSync(lock, 'utf8'))
    // Empty while it is being written.
    if (!(owner > 0)) return false
    process.kill(owner, 0)
    return false
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ESRCH') unlinkSync(lock)
    return code === 'ESRCH' || code === 'ENOENT'
  }
}

function statOf(path: string): Stats | null {
  return statSync(path, { throwIfNoEntry: false }) ?? null
}
