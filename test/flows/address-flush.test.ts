/** The table of addresses, flooded with ten times as many as it has room for, networks and routes counted as well. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { dial, readAll } from '../support/client.ts'
import { startHttpBackend } from '../support/http-backend.ts'
import { until } from '../support/until.ts'
import { type RunningWeir, startWeir } from '../support/weir.ts'

const SIZE = 1024
const CONNECTIONS = 8
const AT_ONCE = 64
const PROXY = '127.0.9.1'
/** So slow that no token comes back while the test runs. */
const LIMITS = [
  ...['--address-table-size', String(SIZE), '--prefix-multiple', '2', '--forwarded-from', PROXY],
  ...['--request-rate', '0.02', '--request-burst', '5', '--requests-per-address', '1'],
  ...['--error-rate', '0.01', '--error-burst', '4'],
  ...['--ban-threshold', '10', '--ban-decay', '0.01', '--requests-per-connection', '1000000'],
]

const requestFor = (path: string, address: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: ${address}\r\n`

/** @returns status and reason */
async function get(weir: RunningWeir, path: string, address: string): Promise<string> {
  const socket = await dial(weir.ports[0]!, { from: PROXY })
  socket.write(`${requestFor(path, address)}Connection: close\r\n\r\n`)
  const answer = (await readAll(socket)).toString('latin1')
  return `${answer.split(' ')[1]} ${/"reason":"([^"]*)"/.exec(answer)?.[1] ?? ''}`.trim()
}

/**
 * Each of ten times the table asks on two routes: 40 slots for each that there is, networks included. What costs nothing
 * is asked as often as the route lets an address: on it each owes more than those that are to be remembered.
 */
async function flood(t: Test, weir: RunningWeir): Promise<void> {
  const count = 10 * SIZE
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, first) => {
      const socket = await dial(weir.ports[0]!, { from: PROXY })
      let asked = 0
      let answered = 0
      let rest = ''
      socket.on('data', (bytes: Buffer) => {
        const text = rest + bytes.toString('latin1')
        answered += text.split('HTTP/1.1 200').length - 1
        rest = text.slice(-11)
      })
      for (let n = first; n < count; n += CONNECTIONS) {
        // Each in a network of its own.
        const address = `11.${n >> 8}.${n & 255}.1`
        const paths = ['/a', '/free', '/free', '/free']
        socket.write(paths.map(path => `${requestFor(path, address)}\r\n`).join(''))
        asked += paths.length
        if (asked % AT_ONCE === 0) await until(() => answered === asked, 'all are answered')
      }
      await until(() => answered === asked, 'the last ones are answered')
      socket.destroy()
    }),
  )
  const evictions = await weir.metric('weir_address_evictions_total')
  t.ok(evictions > 30 * SIZE, `${evictions} were forgotten`)
}

test('whoever is refused, banned, busy or in error is remembered through a flood of others', async t => {
  const held: (() => void)[] = []
  const backend = await startHttpBackend(t, (request, response) => {
    if (request.url === '/hold') held.push(() => response.end('held'))
    else response.writeHead(request.url === '/missing' ? 404 : 200).end('x')
  })
  const file = join(t.testdir(), 'weir.yaml')
  const route = (path: string, cost: number): string =>
    `  - { path: ${path}, pool: web, request-cost: ${cost}, route-address-rate: 0.01, route-address-burst: 3 }\n`
  writeFileSync(
    file,
    `workers: 2\npools: { web: { backends: ["${backend.url}"] } }\n` +
      `listeners: [{ listen: "http://127.0.0.1:0", pool: web }]\nroutes:\n${route('/a', 1)}${route('/free', 0)}`,
  )
  const free = ['--connection-rate', '0', '--ban-exempt', '192.0.2.255']
  const weir = await startWeir(t, ['--config', file, ...LIMITS, ...free])

  const [refused, banned, busy, wrong] = ['192.0.2.1', '198.51.100.1', '203.0.113.1', '10.9.9.9']
  for (let i = 0; i < 5; i++) t.equal(await get(weir, '/', refused), '200')
  t.equal(await get(weir, '/', refused), '429 request-rate')
  for (let i = 0; i < 5; i++) t.equal(await get(weir, '/', banned), '200')
  for (let i = 0; i < 11; i++) await get(weir, '/', banned)
  t.equal(await get(weir, '/', banned), '429 banned')
  for (let i = 0; i < 4; i++) t.equal(await get(weir, '/missing', wrong), '404')
  t.equal(await get(weir, '/', wrong), '429 error-rate')
  const waits = get(weir, '/hold', busy)
  await until(() => held.length === 1, 'it is under way')

  await flood(t, weir)

  t.equal(await get(weir, '/', refused), '429 request-rate')
  t.equal(await get(weir, '/', banned), '429 banned')
  t.equal(await get(weir, '/', wrong), '429 error-rate')
  t.equal(await get(weir, '/', busy), '429 requests-per-address')
  for (const go of held) go()
  t.equal(await waits, '200')
})
