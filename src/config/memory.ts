/**
 * How much of the memory that weir may have it has.
 *
 * Of a cgroup: what the kernel would not give back for the asking (without the file cache that nobody used lately),
 * against the nearest limit on the way up. Of the host: weir's own memory against that and what is available, so that
 * it does not matter what others hold, unless nothing is left for weir. The worse of the two.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Below this share of the limit the file cache is not asked for: it cannot matter. */
const NEAR = 0.5
/** cgroup v1 says "no limit" with a number of about 2^63. */
const NO_LIMIT = 2 ** 60

/** One cgroup with a limit, the own one or one above it. */
interface Limit {
  readonly bytes: number
  readonly usage: string
  readonly stat: string
  /** In `stat`. */
  readonly cache: RegExp
}

export interface MemoryOptions {
  /** Bytes weir may have at most; 0 is what the system gives. */
  readonly max: number
  /** Where `/proc` and `/sys` are. */
  readonly root?: string
  readonly rss?: () => number
}

export class Memory {
  readonly #root: string
  readonly #max: number
  readonly #rss: () => number
  readonly #limits: readonly Limit[]

  constructor({ max, root = '/', rss = () => process.memoryUsage.rss() }: MemoryOptions) {
    this.#root = root
    this.#max = max
    this.#rss = rss
    this.#limits = [...limitsV2(root), ...limitsV1(root)]
  }

  /** 0 to 1, or more. What cannot be read counts nothing: being blind is no reason to refuse anybody. */
  share(): number {
    const rss = this.#rss()
    let worst = this.#max === 0 ? 0 : rss / this.#max
    for (const limit of this.#limits) worst = Math.max(worst, shareOf(limit))
    const available = this.#available()
    return available === null ? worst : Math.max(worst, rss / (rss + available))
  }

  #available(): number | null {
    const match = /^MemAvailable:\s+(\d+) kB/m.exec(read(join(this.#root, 'proc/meminfo')))
    return match === null ? null : Number(match[1]) * 1024
  }
}

function shareOf({ bytes, usage, stat, cache }: Limit): number {
  const used = Number(read(usage).trim())
  if (!(used > 0)) return 0
  if (used < bytes * NEAR) return used / bytes
  const idle = Number(cache.exec(read(stat))?.[1] ?? 0)
  return Math.max(0, used - idle) / bytes
}

/** `memory.high` too: above it the kernel slows weir down, which is as good as being out of memory. */
function limitsV2(root: string): Limit[] {
  const path = /^0::(.+)$/m.exec(read(join(root, 'proc/self/cgroup')))?.[1]
  if (path === undefined) return []
  return upFrom(join(root, 'sys/fs/cgroup'), path, 'memory.current').flatMap(folder => {
    const limits = ['memory.max', 'memory.high'].map(file => bytesIn(join(folder, file)))
    return limit(Math.min(...limits), folder, 'memory.current', /^inactive_file (\d+)/m)
  })
}

function limitsV1(root: string): Limit[] {
  const path = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.+)$/m.exec(
    read(join(root, 'proc/self/cgroup')),
  )?.[1]
  if (path === undefined) return []
  const file = 'memory.usage_in_bytes'
  return upFrom(join(root, 'sys/fs/cgroup/memory'), path, file).flatMap(folder =>
    limit(
      bytesIn(join(folder, 'memory.limit_in_bytes')),
      folder,
      file,
      /^total_inactive_file (\d+)/m,
    ),
  )
}

function limit(bytes: number, folder: string, usage: string, cache: RegExp): Limit[] {
  if (!(bytes > 0 && bytes < NO_LIMIT)) return []
  return [{ bytes, usage: join(folder, usage), stat: join(folder, 'memory.stat'), cache }]
}

/** The own cgroup and those above it. In a container the path may be the host's: then it is the mount itself. */
function upFrom(mount: string, path: string, file: string): string[] {
  const folders: string[] = []
  const own = join(mount, path)
  const isInside = own.startsWith(mount) && existsSync(join(own, file))
  for (let folder = isInside ? own : mount; ; folder = dirname(folder)) {
    if (existsSync(join(folder, file))) folders.push(folder)
    if (folder.length <= mount.length) return folders
  }
}

/** @returns Infinity for "max", and for what is not there */
function bytesIn(file: string): number {
  const text = read(file).trim()
  return /^\d+$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}
