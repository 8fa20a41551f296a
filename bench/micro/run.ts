/** `npm run bench:micro`: what one call of the hot path's small parts costs, in nanoseconds. */
import { randomHashKey } from '../../src/core/hash.ts'
import { CidrSet, parseCidr } from '../../src/core/cidr-set.ts'
import { parseAddress } from '../../src/core/address.ts'
import { TokenBuckets } from '../../src/guard/token-buckets.ts'
import { AddressTable, CONNECTION_BUCKET } from '../../src/shared/address-table.ts'
import { Deadline, Deadlines } from '../../src/transport/deadlines.ts'
import { median } from '../stats.ts'

const ROUNDS = 9
const CALLS = 300_000

const address = Int32Array.of(0, 0, 0xffff, 0)
const table = new AddressTable(
  new SharedArrayBuffer(AddressTable.bytes(131_072)),
  0,
  131_072,
  randomHashKey(),
)
const known = table.acquire(address, 0)
const buckets = new TokenBuckets(table.words, { rate: 60_000, burst: 1_000_000 })
const bucket = table.bucket(known, CONNECTION_BUCKET)
const denied = new CidrSet()
for (let i = 0; i < 100_000; i++)
  denied.add(parseCidr(`${(i >> 8) & 255}.${i & 255}.${i >> 16}.0/24`)!, 1)
const wheel = new Deadlines(() => {})
const deadline = new Deadline(() => {})
wheel.set(deadline, 60_000)

let n = 0
const parts: Readonly<Record<string, () => void>> = {
  'token bucket: take': () => void buckets.take(bucket, n++),
  'address table: a known address': () => {
    address[3] = 0
    table.leave(table.acquire(address, n++))
  },
  'address table: a new address in a full table': () => {
    address[3] = ++n
    table.leave(table.acquire(address, n))
  },
  'CIDR set of 100,000 blocks: find': () => {
    address[3] = Math.imul(++n, 0x9e3779b1)
    denied.find(address)
  },
  'address: parse IPv4': () => void parseAddress('203.0.113.77', address),
  'deadline: push back': () => wheel.set(deadline, 60_000),
}

for (const [name, call] of Object.entries(parts)) {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const start = performance.now()
    for (let i = 0; i < CALLS; i++) call()
    return ((performance.now() - start) * 1e6) / CALLS
  })
  process.stdout.write(`${name.padEnd(46)} ${median(rounds).toFixed(0).padStart(6)} ns\n`)
}
