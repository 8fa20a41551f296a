import {
  assert,
  boolean,
  constant,
  constantFrom,
  integer,
  option,
  property,
  record,
} from 'fast-check'
import { test } from 'tap'
import { formatBackendUrl, readBackendUrl } from '../../src/config/backend-url.ts'

const PLAIN = {
  name: '10.0.0.5:8080',
  scheme: 'tcp',
  host: '10.0.0.5',
  port: 8080,
  weight: 1,
  backup: false,
  drain: false,
  maxConnections: 0,
  ca: null,
  serverName: '10.0.0.5',
  insecure: false,
}

test('host and port are enough', async t => {
  t.strictSame(readBackendUrl('tcp://10.0.0.5:8080'), { value: PLAIN })
})

test('every parameter is read', async t => {
  const url =
    'tls://app.test:443?weight=7&backup&drain=true&max-connections=9&ca=/a b.pem&sni=x.test&insecure'
  t.match(readBackendUrl(url), {
    value: {
      scheme: 'tls',
      weight: 7,
      backup: true,
      drain: true,
      maxConnections: 9,
      ca: '/a b.pem',
      serverName: 'x.test',
      insecure: true,
    },
  })
  t.match(readBackendUrl('tls://[::1]:443?backup=false'), {
    value: { name: '[::1]:443', host: '::1', backup: false },
  })
})

test('what is wrong is named, with what to write', async t => {
  const cases: [string, RegExp][] = [
    ['10.0.0.5:8080', /is no backend; write tcp:\/\/10\.0\.0\.5:8080/],
    ['ftp://a.test:80', /ftp is not one of tcp, tls, http, https/],
    ['tcp://a.test', /is not HOST:PORT/],
    ['tcp://a.test:0', /port 0 is none a backend can have/],
    ['tcp://a.test:1?weight=0', /weight 0 is not a whole number from 1 to 256/],
    ['tcp://a.test:1?weight=257', /weight 257/],
    ['tcp://a.test:1?weight=1e2', /weight 1e2/],
    ['tcp://a.test:1?max-connections=-1', /max-connections -1/],
    ['tcp://a.test:1?wieght=2', /unknown parameter wieght; did you mean weight\?/],
    ['tcp://a.test:1?weight=1&weight=2', /weight is given more than once/],
    ['tcp://a.test:1?insecure', /insecure is for tls:\/\/ and https:\/\/ backends/],
    ['tls://a.test:1?sni=a%00b', /is no host name/],
    ['tls://a.test:1?ca=', /ca names no file/],
    ['tcp://a.test:1?backup=2', /backup takes no value, it has "2"/],
  ]
  for (const [url, message] of cases) t.match(readBackendUrl(url), { error: message }, url)
})

test('it is written as it is read', async t => {
  const backend = record({
    scheme: constant('tls' as const),
    host: constantFrom('a.test', '10.0.0.5', '::1'),
    port: integer({ min: 1, max: 65_535 }),
    weight: integer({ min: 1, max: 256 }),
    backup: boolean(),
    drain: boolean(),
    maxConnections: integer({ min: 0, max: 1_000_000 }),
    ca: option(constantFrom('/a.pem', '/with blank&and=more.pem')),
    serverName: constantFrom('a.test', 'b.test'),
    insecure: boolean(),
  })
  assert(
    property(backend, it => {
      const name = `${it.host.includes(':') ? `[${it.host}]` : it.host}:${it.port}`
      const whole = { name, ...it }
      t.match(readBackendUrl(formatBackendUrl(whole)), { value: whole })
    }),
    { numRuns: 50 },
  )
})
