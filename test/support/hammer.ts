/** Real threads that take tokens from one bucket as fast as they can. */
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { ticks } from '../../src/core/clock.ts'
import { TokenBuckets } from '../../src/guard/token-buckets.ts'

export interface HammerOptions {
  readonly threads: number
  readonly ms: number
  readonly rate: number
  readonly burst: number
}

interface HammerStart extends HammerOptions {
  readonly words: Int32Array
  readonly index: number
}

/** Shared words: the bucket, tokens taken, threads that are ready, then first and last time per thread. */
const BUCKET = 0
const TAKEN = 1
const READY = 2
const TIMES = 3

/** @returns tokens taken by all threads, and the span from the first to the last try on their clock */
export async function hammer(
  options: HammerOptions,
): Promise<{ admitted: number; elapsedTicks: number }> {
  const words = new Int32Array(new SharedArrayBuffer(4 * (TIMES + 2 * options.threads)))
  words[BUCKET] = ticks()
  const threads = Array.from({ length: options.threads }, (_, index) =>
    run({ ...options, words, index }),
  )
  await Promise.all(threads)
  const times = words.subarray(TIMES)
  const first = Math.min(...times.filter((_, i) => i % 2 === 0))
  const last = Math.max(...times.filter((_, i) => i % 2 === 1))
  return { admitted: words[TAKEN]!, elapsedTicks: last - first }
}

function run(start: HammerStart): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const worker = new Worker(new URL(import.meta.url), { workerData: start })
  worker.on('error', reject)
  worker.on('exit', () => resolve())
  return promise
}

if (!isMainThread) {
  const { words, index, threads, ms, rate, burst } = workerData as HammerStart
  const buckets = new TokenBuckets(words, { rate, burst })
  Atomics.add(words, READY, 1)
  while (Atomics.load(words, READY) < threads) Atomics.wait(words, READY, 0, 1)
  const end = performance.now() + ms
  words[TIMES + 2 * index] = ticks()
  let now = 0
  while (performance.now() < end) {
    now = ticks()
    if (buckets.take(BUCKET, now) === 0) Atomics.add(words, TAKEN, 1)
  }
  words[TIMES + 2 * index + 1] = now
}
