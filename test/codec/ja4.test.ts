import { test } from 'tap'
import { readFileSync } from 'node:fs'
import { ClientHello, OK } from '../../src/codec/client-hello.ts'
import { extension, hello, type HelloParts, list, record, serverName } from '../support/hello.ts'

const SUPPORTED_VERSIONS = 0x002b
const SIGNATURE_ALGORITHMS = 0x000d
const ALPN = 0x0010

// The example of the specification, in the order in which Chrome sent it.
const CIPHERS = [
  0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
  0x009d, 0x002f, 0x0035,
]
const SIGNATURES = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]
const ORDER = [
  0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
  0xff01, 0x000b, 0x000a, 0x0015,
]
const EXAMPLE = 't13d1516h2_8daaf6152771_e5627efa2ab1'

function ja4(parts: HelloParts, sizes?: readonly number[]): string {
  const parsed = new ClientHello()
  const code = parsed.parse(record(hello(parts), sizes))
  if (code !== OK) throw new Error(`the hello is refused: ${code}`)
  return parsed.ja4
}

function versions(...values: number[]): Buffer {
  const body = list(values).subarray(1)
  return extension(SUPPORTED_VERSIONS, body)
}

function alpn(...names: Buffer[]): Buffer {
  const entries = Buffer.concat(names.flatMap(name => [Buffer.from([name.length]), name]))
  const length = Buffer.from([entries.length >> 8, entries.length & 0xff])
  return extension(ALPN, Buffer.concat([length, entries]))
}

/** An extension of the example; what is in it counts for few. */
function ofExample(type: number): Buffer {
  if (type === 0) return serverName('example.test')
  if (type === ALPN) return alpn(Buffer.from('h2'), Buffer.from('http/1.1'))
  if (type === SUPPORTED_VERSIONS) return versions(0x0304, 0x0303)
  if (type === SIGNATURE_ALGORITHMS) return extension(type, list(SIGNATURES))
  if (type === 0x000a) return extension(type, list([0x001d]))
  if (type === 0x0033) return extension(type, Buffer.from([0, 5, 0, 0x1d, 0, 1, 7]))
  return extension(type, Buffer.alloc(0))
}

test('the example of the specification', async t => {
  const extensions = ORDER.map(ofExample)
  t.equal(ja4({ ciphers: CIPHERS, extensions }), EXAMPLE)
  t.equal(ja4({ ciphers: CIPHERS, extensions }, [3, 50, 1]), EXAMPLE, 'spread over records')
})

test('the order of suites and extensions, and GREASE in any list, change nothing', async t => {
  const extensions = [
    extension(0x3a3a, Buffer.alloc(1)),
    ...ORDER.toReversed()
      .filter(type => type !== SUPPORTED_VERSIONS && type !== SIGNATURE_ALGORITHMS)
      .map(ofExample),
    versions(0xfafa, 0x0303, 0x0304),
    extension(SIGNATURE_ALGORITHMS, list([0x1a1a, ...SIGNATURES])),
    extension(0xdada, Buffer.alloc(0)),
  ]
  t.equal(ja4({ ciphers: [0xcaca, ...CIPHERS.toReversed()], extensions }), EXAMPLE)
  t.not(ja4({ ciphers: [0x0a1a, ...CIPHERS], extensions }), EXAMPLE, '0a1a is not GREASE')
})

test('without signature algorithms the list ends without an underscore', async t => {
  const extensions = ORDER.filter(type => type !== SIGNATURE_ALGORITHMS).map(ofExample)
  const unsigned = [...extensions, extension(SIGNATURE_ALGORITHMS, list([]))]
  t.equal(ja4({ ciphers: CIPHERS, extensions: unsigned }), 't13d1516h2_8daaf6152771_6d807ffa2a79')
})

test('what is not there', async t => {
  const { ciphers, nothing } = { ciphers: CIPHERS, nothing: '000000000000' }
  t.equal(ja4({ ciphers, extensions: [] }), `t12i150000_8daaf6152771_${nothing}`)
  t.equal(
    ja4({ ciphers, extensions: [ofExample(0), ofExample(ALPN)] }),
    `t12d1502h2_8daaf6152771_${nothing}`,
    'the name and the protocols do not count in the last part',
  )
  t.equal(ja4({ ciphers: [0x1a1a], extensions: [] }), `t12i000000_${nothing}_${nothing}`)
})

test('a server name that is an address is one all the same', async t => {
  t.match(ja4({ extensions: [serverName('127.0.0.1')] }), /^t12d/)
})

test('the version is the highest offered, or else the old field', async t => {
  const extensions = (...values: number[]) => [versions(...values)]
  t.match(ja4({ extensions: extensions(0x0302, 0x0303), version: 0x0301 }), /^t12/)
  t.match(ja4({ extensions: extensions(0x0304) }), /^t13/)
  t.match(ja4({ extensions: extensions(0x7f1c, 0x0303) }), /^t00/, 'a draft is none of those known')
  for (const [version, name] of [
    [0x0303, '12'],
    [0x0302, '11'],
    [0x0301, '10'],
    [0x0300, 's3'],
    [0x03ff, '00'],
  ] as const) {
    t.equal(ja4({ extensions: [], version }).slice(0, 3), `t${name}`)
  }
})

test('counts end at 99', async t => {
  const many = Array.from({ length: 120 }, (_, i) => 0x4000 + i)
  const extensions = many.map(type => extension(type, Buffer.alloc(0)))
  t.match(ja4({ ciphers: many, extensions }), /^t12i999900_/)
  t.match(ja4({ ciphers: many.slice(0, 9), extensions: extensions.slice(0, 7) }), /^t12i090700_/)
})

test('the ends of the first protocol, in hex where one is no letter or digit', async t => {
  for (const [name, ends] of [
    [Buffer.from('h2'), 'h2'],
    [Buffer.from('http/1.1'), 'h1'],
    [Buffer.from('x'), 'xx'],
    [Buffer.from([0xab]), 'ab'],
    [Buffer.from([0x20]), '20'],
    [Buffer.from([0xab, 0xcd]), 'ad'],
    [Buffer.from([0x20, 0x61]), '21'],
    [Buffer.from([0x30, 0xab]), '3b'],
    [Buffer.from([0x61, 0x20]), '60'],
    [Buffer.from([0x30, 0x31, 0xab, 0xcd]), '3d'],
    [Buffer.from([0x30, 0xab, 0xcd, 0x31]), '01'],
    [Buffer.from([0x0a, 0x0a]), '0a'],
  ] as const) {
    const extensions = [alpn(name, Buffer.from('h2'))]
    t.equal(ja4({ extensions }).slice(8, 10), ends, name.toString('hex'))
  }
})

test('what real clients sent, with the fingerprints that are told of them', async t => {
  const file = new URL('../vectors/hellos.json', import.meta.url)
  const hellos = JSON.parse(readFileSync(file, 'utf8')) as {
    by: string
    ja4: string
    hello: string
  }[]
  t.ok(hellos.length >= 3)
  for (const { by, ja4: expected, hello: base64 } of hellos) {
    const parsed = new ClientHello()
    t.equal(parsed.parse(Buffer.from(base64, 'base64')), OK, by)
    t.equal(parsed.ja4, expected, by)
  }
})

test('signature algorithms whose lengths do not agree are no hello', async t => {
  for (const body of ['0003040308', '00040403', '04', '']) {
    const bytes = record(hello({ extensions: [extension(13, Buffer.from(body, 'hex'))] }))
    t.not(new ClientHello().parse(bytes), OK, body)
  }
})
