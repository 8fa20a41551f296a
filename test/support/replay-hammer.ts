/** A thread of a test: remembers what all the others do, in the same order, from the same moment on. */
import { createHash } from 'node:crypto'
import { workerData } from 'node:worker_threads'
import { FRESH, ReplayTable } from '../../src/shared/replay-table.ts'

interface ReplayHammerStart {
  readonly memory: SharedArrayBuffer
  readonly entries: number
  readonly count: number
  /** First how many steps all of them took, then how often each was found fresh. */
  readonly fresh: Int32Array
  readonly threads: number
  /** Seconds since 1970, as this thread sees it. */
  readonly now: number
}

const { memory, entries, count, fresh, threads, now } = workerData as ReplayHammerStart
const replays = new ReplayTable(memory, 0, entries)
const digests = Array.from({ length: count }, (_, n) =>
  createHash('sha256').update(String(n)).digest(),
)
for (let n = 0; n < count; n++) {
  // In step: else one would be ahead of the others all the time.
  Atomics.add(fresh, 0, 1)
  while (Atomics.load(fresh, 0) < threads * (n + 1));
  if (replays.remember(digests[n]!, now, 2000) === FRESH) Atomics.add(fresh, n + 1, 1)
}
