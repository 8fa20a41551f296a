import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { IssuerKeySet } from '../../src/auth/key-set.ts'
import type { JwtConfig, KeyOrigin } from '../../src/config/token-config.ts'
import { readKeyFile } from '../../src/config/key-file.ts'
import { KeySources } from '../../src/control/key-sources.ts'
import { captureLog } from '../support/log.ts'
import { keySetText, makeKey } from '../support/tokens.ts'
import { until } from '../support/until.ts'
import { sayJson, startWebServer } from '../support/web-server.ts'

const one = keySetText(makeKey('ES256', 'one'))
const two = keySetText(makeKey('ES256', 'two'))

function jwtConfig(keys: KeyOrigin, change: Partial<JwtConfig> = {}): JwtConfig {
  return {
    issuers: [{ issuer: 'https://issuer.example', keys }],

    type: 'any',
    algorithms: [],
    leewayMs: 0,
    refreshMs: 3_600_000,
    coolDownMs: 60_000,
    keepMs: 3_600_000,

    ...change,
  }
}

async function start(t: Test, config: JwtConfig) {
  const changes: (readonly (IssuerKeySet | null)[])[] = []
  const looked: number[] = []
  const { logger, lines } = captureLog()
  const sources = new KeySources(config, '', logger, {
    onKeys: sets => changes.push(sets),
    onLooked: (_, ms) => looked.push(ms),
  })
  t.teardown(() => sources.stop())
  await sources.start()
  return { sources, changes, looked, lines }
}

test('the keys are there once it has started, and fetched again in time', async t => {
  const server = await startWebServer(t, sayJson(JSON.parse(one)))
  const config = jwtConfig({ kind: 'url', url: server.url }, { refreshMs: 50 })
  const { sources, changes } = await start(t, config)
  t.match(sources.sets, [{ text: one, isNamed: false }])
  await until(() => server.seen.length >= 3, 'it asks again')
  t.equal(changes.length, 0, 'what is the same changes nothing')
  server.answer = sayJson(JSON.parse(two))
  await until(() => changes.length === 1, 'the new set')
  t.match(changes[0], [{ text: two }])
  t.ok((sources.ages().get('https://issuer.example') ?? 99) < 10)
})

test('a look fetches at once, and then not before the cool-down is over', async t => {
  const server = await startWebServer(t, sayJson(JSON.parse(one)))
  const { sources, changes, looked } = await start(t, jwtConfig({ kind: 'url', url: server.url }))
  for (let i = 0; i < 100; i++) sources.look(0)
  await until(() => looked.length === 100, 'all are answered')
  t.equal(server.seen.length, 2, 'it was fetched once more for a hundred')
  t.equal(changes.length, 0)
  t.ok(looked.every(ms => ms > 50_000 && ms <= 60_000))
  sources.look(0)
  await until(() => looked.length === 101, 'and at once, later')
  t.equal(server.seen.length, 2)
  sources.look(7)
})

test('a look that found new keys may soon be followed by another', async t => {
  const server = await startWebServer(t, sayJson(JSON.parse(one)))
  const { sources, changes, looked } = await start(t, jwtConfig({ kind: 'url', url: server.url }))
  server.answer = sayJson(JSON.parse(two))
  sources.look(0)
  await until(() => looked.length === 1, 'it was fetched')
  t.match(changes, [[{ text: two }]])
  t.ok(looked[0]! <= 300, `in ${looked[0]} ms`)
  server.answer = sayJson(JSON.parse(one))
  sources.look(0)
  await until(() => looked.length === 2, 'and again')
  t.match(changes[1], [{ text: one }], 'nobody is told to come later who met a key that is newer')
})

test('a worker that had not heard of new keys when it asked costs the others no look', async t => {
  const server = await startWebServer(t, sayJson(JSON.parse(one)))
  const { sources, looked } = await start(t, jwtConfig({ kind: 'url', url: server.url }))
  server.answer = sayJson(JSON.parse(two))
  for (const count of [1, 2, 3]) {
    sources.look(0)
    await until(() => looked.length === count, 'it has looked')
  }
  const [found, late, made] = looked
  t.ok(found! <= 300 && late! <= 300, `${found} and ${late} ms`)
  t.ok(made! > 50_000, 'but who makes up kids gets no more than that one')
  t.equal(server.seen.length, 4)
})

test('the last good keys are kept while the issuer is down, and not for ever', async t => {
  const server = await startWebServer(t, sayJson(JSON.parse(one)))
  const config = jwtConfig({ kind: 'url', url: server.url }, { refreshMs: 50, keepMs: 1200 })
  const { sources, changes, lines } = await start(t, config)
  await server.stop()
  await until(() => lines.some(({ msg }) => msg === 'keys of the issuer cannot be had'), 'told')
  t.match(sources.sets, [{ text: one }])
  await until(() => changes.length === 1, 'they are dropped')
  t.strictSame(changes[0], [null])
  await server.restart()
  await until(() => changes.length === 2, 'they are back')
  t.match(changes[1], [{ text: one }])
  const told = lines.map(({ msg }) => msg)
  t.strictSame(told, [
    'keys of the issuer cannot be had',
    'keys of the issuer are too old, dropped',
    'keys of the issuer are there again',
  ])
})

test('how long they are kept counts from when it went down, not from when they were fetched', async t => {
  const server = await startWebServer(t, sayJson(JSON.parse(one)))
  const config = jwtConfig({ kind: 'url', url: server.url }, { refreshMs: 400, keepMs: 200 })
  const { changes, lines } = await start(t, config)
  server.answer = (_, response) => {
    server.answer = sayJson(JSON.parse(one))
    response.writeHead(502).end()
  }
  const told = (): unknown[] => lines.map(({ msg }) => msg)
  await until(() => told().includes('keys of the issuer are there again'), 'it is up')
  t.strictSame(changes, [])
})

test('an issuer that is down does not keep weir from starting', async t => {
  const server = await startWebServer(t, () => {})
  await server.stop()
  const config = jwtConfig({ kind: 'url', url: server.url })
  const { sources, changes } = await start(t, config)
  t.strictSame(sources.sets, [null])
  t.equal(sources.ages().size, 0)
  server.answer = sayJson(JSON.parse(one))
  await server.restart()
  await until(() => changes.length === 1, 'it is tried again')
  t.match(changes[0], [{ text: one }])
})

test('bad keys are told of once, and cost no other', async t => {
  const bad = { kty: 'RSA', kid: 'bad' }
  const mixed = { keys: [bad, ...(JSON.parse(one) as { keys: object[] }).keys] }
  const server = await startWebServer(t, sayJson(mixed))
  const config = jwtConfig({ kind: 'url', url: server.url }, { refreshMs: 30 })
  const { lines } = await start(t, config)
  await until(() => server.seen.length > 3, 'fetched again')
  t.equal(lines.filter(({ msg }) => msg === 'key left out').length, 1)
  t.match(lines[0], { key: 'bad', issuer: 'https://issuer.example' })
})

test('a file is read again when it is replaced, and not while it is half written', async t => {
  const path = join(t.testdir(), 'keys.json')
  writeFileSync(path, one)
  const { sources, changes } = await start(t, jwtConfig({ kind: 'file', path, isNamed: false }))
  t.match(sources.sets, [{ text: one }])
  const startedMs = performance.now()
  writeFileSync(`${path}.new`, two)
  renameSync(`${path}.new`, path)
  await until(() => changes.length === 1, 'the new file')
  t.ok(performance.now() - startedMs < 1000, 'within a second')
  t.match(changes[0], [{ text: two }])
  writeFileSync(path, one.slice(0, 50))
  sources.look(0)
  writeFileSync(path, one)
  await until(() => changes.length === 2, 'the whole file')
  t.match(changes[1], [{ text: one }])
})

test('half of a file of keys is none, wherever it ends', async t => {
  const directory = t.testdir()
  const [path, part] = [join(directory, 'keys.json'), join(directory, 'part')]
  const both = keySetText(makeKey('ES256', 'one'), makeKey('RS256', 'two'))
  writeFileSync(path, both)
  t.type(readKeyFile(path, false), 'object')
  for (let end = 0; end < both.length; end++) {
    writeFileSync(part, both.slice(0, end))
    if (typeof readKeyFile(part, false) !== 'string') t.fail(`${end} bytes of ${both.length}`)
  }
})

test('a file that is being written in place is waited for, and not complained of', async t => {
  const path = join(t.testdir(), 'keys.json')
  writeFileSync(path, one)
  const config = jwtConfig({ kind: 'file', path, isNamed: false })
  const { sources, changes, looked, lines } = await start(t, config)
  // Read at once, and found to be half of a set.
  writeFileSync(path, two.slice(0, 50))
  sources.look(0)
  await Promise.resolve()
  writeFileSync(path, two)
  await until(() => looked.length === 1, 'it has looked')
  t.match(changes, [[{ text: two }]])
  t.notOk(lines.some(({ msg }) => msg === 'keys of the issuer cannot be had'))
})
