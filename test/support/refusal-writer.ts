/** A thread that writes refusals as fast as it can, each with its number in all of its parts. */
import { workerData } from 'node:worker_threads'
import { STATE_WORDS } from '../../src/shared/address-table.ts'
import { REFUSAL_ID_MAX, RefusalRing } from '../../src/shared/refusal-ring.ts'

const { memory, slots, count } = workerData as {
  memory: SharedArrayBuffer
  slots: number
  count: number
}
const ring = new RefusalRing(memory, 0, slots)
const state = new Int32Array(STATE_WORDS)
const address = Int32Array.of(0, 0, 0xffff, 0)
for (let n = 0; n < count; n++) {
  address[3] = n
  state.fill(n)
  ring.write({
    ...{ reason: n, timeMs: n, listener: n, route: n, status: n, retryAfter: n },
    ...{ address, state, hasState: true },
    id: String(n).padStart(REFUSAL_ID_MAX, '0'),
    note: String(n).padStart(REFUSAL_ID_MAX, '1'),
  })
}
