import { test } from 'tap'
import { keepOrFirst, type Lookup, refreshMs, Resolver } from '../../src/control/resolver.ts'
import { captureLog } from '../support/log.ts'
import { until } from '../support/until.ts'

function makeResolver(
  t: { teardown(fn: () => void): void },
  hosts: string[],
  answers: () => string[],
) {
  const { logger, lines } = captureLog()
  const changes: [number, string][] = []
  const asked: string[] = []
  const lookup: Lookup = {
    addresses: async host => {
      asked.push(host)
      return answers()
    },
    ttlMs: async () => 1,
  }
  const resolver = new Resolver(hosts, logger, (i, address) => changes.push([i, address]), lookup)
  t.teardown(() => resolver.stop())
  return { resolver, lines, changes, asked }
}

test('names are looked up at start, addresses are not', async t => {
  const it = makeResolver(t, ['10.0.0.1', 'a.test', '::1'], () => ['10.0.0.7', '10.0.0.8'])
  t.strictSame(it.resolver.addresses(), ['10.0.0.1', null, '::1'])
  t.strictSame(await it.resolver.resolveAll(), [])
  t.strictSame(it.resolver.addresses(), ['10.0.0.1', '10.0.0.7', '::1'])
  t.strictSame(it.asked, ['a.test'])
  t.strictSame(it.changes, [[1, '10.0.0.7']])
})

test('a name that has no address is a problem, told with what to do', async t => {
  const failing = makeResolver(t, ['a.test'], () => {
    throw new Error('getaddrinfo ENOTFOUND')
  })
  t.match(await failing.resolver.resolveAll(), [
    { backend: 0, host: 'a.test', message: /does not resolve \(.*ENOTFOUND\); check the name/ },
  ])
  t.equal(failing.resolver.address(0), null)
  const empty = makeResolver(t, ['a.test'], () => [])
  t.match(await empty.resolver.resolveAll(), [{ message: /has no address/ }])
})

test('a failure keeps the last good answer, is told once and tried again', async t => {
  let answer: string[] | null = ['10.0.0.7']
  const it = makeResolver(t, ['a.test'], () => {
    if (answer === null) throw new Error('SERVFAIL')
    return answer
  })
  await it.resolver.resolveAll()
  answer = null
  await it.resolver.resolveAll()
  await it.resolver.resolveAll()
  t.equal(it.resolver.address(0), '10.0.0.7')
  t.equal(it.lines.filter(({ msg }) => msg === 'name does not resolve').length, 1)
  answer = ['10.0.0.8']
  await until(() => it.resolver.address(0) === '10.0.0.8', 'it asks again by itself')
  t.ok(it.lines.some(({ msg }) => msg === 'name resolves again'))
  t.match(
    it.lines.find(({ msg }) => msg === 'address changed'),
    { from: '10.0.0.7', to: '10.0.0.8' },
  )
})

test('an address stays while it is among the answers', async t => {
  t.equal(keepOrFirst('b', ['a', 'b']), 'b')
  t.equal(keepOrFirst('c', ['a', 'b']), 'a')
  t.equal(keepOrFirst(null, ['a']), 'a')
  t.equal(keepOrFirst('a', []), null)
})

test('the time to live is followed within bounds', async t => {
  t.equal(refreshMs(null), 30_000)
  t.equal(refreshMs(0), 5000)
  t.equal(refreshMs(60_000), 60_000)
  t.equal(refreshMs(1e9), 3_600_000)
})
