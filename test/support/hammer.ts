/** Real threads that take tokens from one bucket as fast as they can. */
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { ticks } from '../../src/core/clock.ts'
import { TokenBuckets } from '../../src/guard/token-buckets.ts'

export interface HammerOptions {
  readonly threads: number
  readonly ms: number
  readonly rate: number
  readonly burst: number
  /** By thread, tokens that are not for it; none unless given. */
  readonly reserves?: readonly number[]
}

interface HammerStart extends HammerOptions {
  readonly words: Int32Array
  readonly index: number
}

/** Shared words: the bucket, threads that are ready, then first time, last time and tokens taken per thread. */
const BUCKET = 0
const READY = 1
const THREADS = 2
const FIRST = 0
const LAST = 1
const TAKEN = 2
const WORDS = 3

/** @returns tokens taken by all threads and by each, and the span from the first to the last try on their clock */
export async function hammer(
  options: HammerOptions,
): Promise<{ admitted: number; byThread: readonly number[]; elapsedTicks: number }> {
  const words = new Int32Array(new SharedArrayBuffer(4 * (THREADS + WORDS * options.threads)))
  words[BUCKET] = ticks()
  const threads = Array.from({ length: options.threads }, (_, index) =>
    run({ ...options, words, index }),
  )
  await Promise.all(threads)
  const each = (word: number): number[] =>
    [...words.subarray(THREADS)].filter((_, i) => i % WORDS === word)
  const byThread = each(TAKEN)
  return {
    admitted: byThread.reduce((sum, taken) => sum + taken, 0),
    byThread,
    elapsedTicks: Math.max(...each(LAST)) - Math.min(...each(FIRST)),
  }
}

function run(start: HammerStart): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const worker = new Worker(new URL(import.meta.url), { workerData: start })
  worker.on('error', reject)
  worker.on('exit', () => resolve())
  return promise
}

if (!isMainThread) {
  const { words, index, threads, ms, rate, burst, reserves } = workerData as HammerStart
  const reserve = reserves?.[index] ?? 0
  const own = THREADS + WORDS * index
  const buckets = new TokenBuckets(words, { rate, burst })
  Atomics.add(words, READY, 1)
  while (Atomics.load(words, READY) < threads) Atomics.wait(words, READY, 0, 1)
  const end = performance.now() + ms
  words[own + FIRST] = ticks()
  let now = 0
  while (performance.now() < end) {
    now = ticks()
    if (buckets.take(BUCKET, now, reserve) === 0) words[own + TAKEN]!++
  }
  words[own + LAST] = now
}
