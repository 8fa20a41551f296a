/** `npm run bench:micro`: what one call of the hot path's small parts costs, in nanoseconds. */
import { randomHashKey } from '../../src/core/hash.ts'
import { CidrSet, parseCidr } from '../../src/core/cidr-set.ts'
import { parseAddress } from '../../src/core/address.ts'
import { OK } from '../../src/codec/http1/head.ts'
import { RequestHead } from '../../src/codec/http1/request-head.ts'
import { ResponseHead } from '../../src/codec/http1/response-head.ts'
import { TokenBuckets } from '../../src/guard/token-buckets.ts'
import { AddressTable, CONNECTION_BUCKET } from '../../src/shared/address-table.ts'
import { Deadline, Deadlines } from '../../src/transport/deadlines.ts'
import { median } from '../stats.ts'
import { authParts } from './auth.ts'
import { budgetParts } from './budgets.ts'
import { concurrencyParts } from './concurrency.ts'
import { exchangeParts } from './exchange.ts'
import { handshakeParts } from './handshakes.ts'
import { headParts } from './heads.ts'
import { tokenParts } from './tokens.ts'

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
const deadline = new Deadline({ onDeadline() {} })
wheel.set(deadline, 60_000)

const smallRequest = Buffer.from(
  'GET /index.html HTTP/1.1\r\nHost: www.example.test\r\nUser-Agent: wrk\r\nAccept: */*\r\n\r\n',
)
const browserRequest = Buffer.from(
  'GET /assets/app.js?v=12345 HTTP/1.1\r\nHost: www.example.test\r\nConnection: keep-alive\r\n' +
    'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"\r\nsec-ch-ua-mobile: ?0\r\n' +
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n' +
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n' +
    'Referer: https://www.example.test/\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n' +
    'Accept-Language: en-US,en;q=0.9\r\nCookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n' +
    'If-None-Match: "abcdef"\r\n\r\n',
)
const response = Buffer.from(
  'HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Wed, 25 Nov 2026 04:35:43 GMT\r\n' +
    'Content-Type: text/plain\r\nContent-Length: 12\r\nConnection: keep-alive\r\n\r\n',
)
const requestHead = new RequestHead()
const responseHead = new ResponseHead()
const readRequest = (bytes: Buffer): void => {
  if (requestHead.parse(bytes, 0, bytes.length, 0) !== OK) throw new Error('it was not read')
}

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
  'request head of wrk, 3 fields': () => readRequest(smallRequest),
  'request head of a browser, 11 fields': () => readRequest(browserRequest),
  'response head, 5 fields': () => void responseHead.parse(response, 0, response.length, 0, false),
  'deadline: push back': () => wheel.set(deadline, 60_000),
  ...exchangeParts,
  ...concurrencyParts,
  ...budgetParts,
  ...handshakeParts,
  ...authParts,
  ...tokenParts,
  ...headParts,
}

for (const [name, call] of Object.entries(parts)) {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const start = performance.now()
    for (let i = 0; i < CALLS; i++) call()
    return ((performance.now() - start) * 1e6) / CALLS
  })
  process.stdout.write(`${name.padEnd(46)} ${median(rounds).toFixed(0).padStart(6)} ns\n`)
}
