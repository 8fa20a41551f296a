import { test } from 'tap'
import { bad, good } from '../../support/config.ts'

const FILE = `
balance: round-robin
listeners:
  - { listen: "tcp://127.0.0.1:2", pool: web }
pools:
  web: { backends: [tcp://127.0.0.1:3], probe: http, probe-status: 204 }
  db: { backends: "tcp://127.0.0.1:4 tcp://127.0.0.1:5", balance: source-hash }
`

test('pools have settings of their own, and else those of the top', async t => {
  t.match(good(t, {}, FILE).pools, [
    {
      name: 'web',
      balance: 'round-robin',
      probe: { kind: 'http', statusMin: 204, statusMax: 204 },
    },
    { name: 'db', balance: 'source-hash', backends: { length: 2 } },
  ])
})

test('a flag wins over every section', async t => {
  const { pools } = good(t, { balance: 'random-two-choices' }, FILE)
  for (const { balance } of pools) t.equal(balance, 'random-two-choices')
})

test('which pool is meant must be said where there are several', async t => {
  const file = 'pools:\n  a: { backends: tcp://a.test:1 }\n  b: { backends: tcp://a.test:1 }\n'
  t.match(bad(t, { listen: ['tcp://:1'] }, file), [/there are 2 pools; say which/])
  t.equal(good(t, { listen: ['tcp://:1?pool=b'] }, file).listeners[0]!.pool, 1)
})

test('an adaptive limit is off unless asked for, and for pools whose backends speak HTTP', async t => {
  const file = `
listeners: [{ listen: "http://127.0.0.1:2", pool: web }]
pools:
  web: { backends: http://127.0.0.1:3, adaptive-concurrency: yes, adaptive-concurrency-max: 50 }
  other: { backends: http://127.0.0.1:4 }
  db: { backends: tcp://127.0.0.1:4 }
`
  const { pools } = good(t, {}, file)
  const web = { isOn: true, min: 3, max: 50, tolerance: 25, intervalMs: 60_000 }
  t.strictSame(pools[0]!.concurrency, web)
  t.strictSame([pools[1]!.concurrency.isOn, pools[2]!.concurrency.isOn], [false, false])
  t.match(bad(t, { 'adaptive-concurrency': true }, file), [
    /--adaptive-concurrency: .*pool db has tcp:\/\/127\.0\.0\.1:4; turn it on in the other pools only/,
  ])
  t.match(bad(t, { 'adaptive-concurrency-min': '60' }, file), [
    /--adaptive-concurrency-min: 60 is more than --adaptive-concurrency-max 50/,
  ])
})

test('what is wrong with a pool is told', async t => {
  const file = `
listeners:
  - { listen: "tcp://127.0.0.1:1", pool: wbe }
  - { listen: "http://127.0.0.1:2", pool: web }
pools:
  web: { backends: [tcp://127.0.0.1:3, tcp://127.0.0.1:3] }
  db: { backends: [nonsense], probe-path: "no slash" }
  default: { backends: [tcp://127.0.0.1:3] }
`
  const told = bad(t, { backend: ['tcp://127.0.0.1:9'] }, file)
  for (const message of [
    /listeners\.0\.listen: there is no pool wbe; did you mean web\?/,
    /listeners\.1\.listen: an http listener needs http:\/\/ or https:\/\/ backends, pool web has tcp:/,
    /pools\.web\.backends: 127\.0\.0\.1:3 is twice in pool web; use \?weight=/,
    /pools\.db\.backends: "nonsense" is no backend/,
    /--probe-path: "no slash" is no path/,
    /pools\.default\.backends: pool default is what --backend fills/,
  ]) {
    t.ok(
      told.some(each => message.test(each)),
      String(message),
    )
  }
  t.match(bad(t, { listen: ['tcp://:1'] }), [/--backend: no backend is given/])
})
