/** Real threads at one backend: they enter and leave as fast as they can, or tell of times, as one of several workers does. */
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { Concurrency, type ConcurrencyOptions } from '../../src/balance/concurrency.ts'
import { ConcurrencyTable } from '../../src/shared/concurrency-table.ts'

export type Doing = 'enter' | 'tell' | 'die'

interface CrowdStart {
  readonly memory: SharedArrayBuffer
  readonly words: Int32Array
  readonly threads: number
  readonly worker: number
  readonly doing: Doing
}

/** Shared words: threads that are ready, places held now, the most that were. */
const READY = 0
const HELD = 1
const MOST = 2
const TURNS = 20_000

/** What the threads see as now, coarse ticks. */
export const CROWD_NOW = 6400
export const CROWD: ConcurrencyOptions = { min: 3, max: 1000, tolerance: 25, intervalMs: 60_000 }

export function crowdTable(memory: SharedArrayBuffer, threads: number): ConcurrencyTable {
  return new ConcurrencyTable(memory, 0, 1, threads)
}

/** @returns the most places that were held at once */
export async function crowd(
  memory: SharedArrayBuffer,
  threads: number,
  doing: Doing,
): Promise<number> {
  const words = new Int32Array(new SharedArrayBuffer(12))
  const start = { memory, words, threads, doing }
  await Promise.all(
    Array.from({ length: threads }, async (_, worker) => await run({ ...start, worker })),
  )
  return words[MOST]!
}

function run(start: CrowdStart): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const worker = new Worker(new URL(import.meta.url), { workerData: start })
  worker.on('error', reject)
  worker.on('exit', () => resolve())
  return promise
}

if (!isMainThread) {
  const { memory, words, threads, worker, doing } = workerData as CrowdStart
  const range = { first: 0, size: 1 }
  const table = crowdTable(memory, threads)
  const concurrency = new Concurrency(table, worker, range, CROWD, () => CROWD_NOW)
  Atomics.add(words, READY, 1)
  while (Atomics.load(words, READY) < threads) Atomics.wait(words, READY, 0, 1)
  // What it holds is not given back.
  if (doing === 'die') for (let i = 0; i <= worker; i++) concurrency.add(0)
  for (let turn = 0; turn < TURNS; turn++) {
    if (doing === 'tell') concurrency.waited(0, 1)
    if (doing !== 'enter' || !concurrency.enter(0)) continue
    const held = Atomics.add(words, HELD, 1) + 1
    if (held > Atomics.load(words, MOST)) Atomics.store(words, MOST, held)
    Atomics.sub(words, HELD, 1)
    concurrency.leave(0)
  }
}
