/** What an adaptive limit costs a request: to be counted, to be so no longer, and to tell how long it took. */
import { Concurrency } from '../../src/balance/concurrency.ts'
import { ConcurrencyTable } from '../../src/shared/concurrency-table.ts'

const WORKERS = 4
const table = new ConcurrencyTable(
  new SharedArrayBuffer(ConcurrencyTable.bytes(1, WORKERS)),
  0,
  1,
  WORKERS,
)
const options = { min: 3, max: 1000, tolerance: 25, intervalMs: 60_000 }
const concurrency = new Concurrency(table, 0, { first: 0, size: 1 }, options)
let n = 0

export const concurrencyParts: Readonly<Record<string, () => void>> = {
  'adaptive limit: enter and leave': () => {
    concurrency.enter(0)
    concurrency.leave(0)
  },
  'adaptive limit: a time, its windows included': () => concurrency.waited(0, 5 + (n++ & 7)),
}
