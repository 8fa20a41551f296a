import * as fc from 'fast-check'
import { test } from 'tap'
import { crc32c } from '../../src/codec/crc32c.ts'
import { writeV1, writeV2 } from '../../src/codec/proxy-protocol-writer.ts'
import { MALFORMED, NEED_MORE, ProxyHeader } from '../../src/codec/proxy-protocol.ts'

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')

function parse(bytes: Buffer): [number, ProxyHeader] {
  const header = new ProxyHeader()
  return [header.parse(bytes, bytes.length), header]
}

function v2(command: number, family: number, body: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(body.length)
  return Buffer.concat([SIGNATURE, Buffer.from([0x20 | command, family]), length, body])
}

const ipv4Body = Buffer.from([192, 0, 2, 1, 192, 0, 2, 2, 0x1f, 0x90, 0x01, 0xbb])

const endpoints = fc.record({
  v6: fc.boolean(),
  a: fc.tuple(fc.ipV4(), fc.ipV6()),
  b: fc.tuple(fc.ipV4(), fc.ipV6()),
  sourcePort: fc.nat(65_535),
  destinationPort: fc.nat(65_535),
})

test('what the writer writes the reader reads, in both versions', async t => {
  fc.assert(
    fc.property(endpoints, fc.boolean(), ({ v6, a, b, ...ports }, second) => {
      const family = v6 ? 1 : 0
      const addresses = { source: a[family], destination: b[family], ...ports }
      const bytes = second ? writeV2(addresses, null) : writeV1(addresses)
      const [length, header] = parse(Buffer.concat([bytes, Buffer.from('payload')]))
      return (
        length === bytes.length &&
        !header.local &&
        header.sourcePort === ports.sourcePort &&
        header.destinationPort === ports.destinationPort &&
        // The same address, though IPv6 has many spellings.
        Buffer.compare(
          writeV2({ ...addresses, source: header.source }, null),
          writeV2(addresses, null),
        ) === 0
      )
    }),
  )
  t.pass('round trip')
})

test('every prefix of a header asks for more', async t => {
  const tls = {
    serverName: 'a.example',
    alpn: 'h2',
    version: 'TLSv1.3',
    cipher: 'TLS_AES_128_GCM_SHA256',
  }
  const addresses = {
    source: '192.0.2.1',
    sourcePort: 1,
    destination: '192.0.2.2',
    destinationPort: 2,
  }
  for (const bytes of [writeV1(addresses), writeV2(addresses, tls), v2(0, 0, Buffer.alloc(0))]) {
    for (let end = 0; end < bytes.length; end++) {
      const [result] = parse(bytes.subarray(0, end))
      if (result !== NEED_MORE) t.fail(`${end} of ${bytes.length}: ${result}`)
    }
    t.equal(parse(bytes)[0], bytes.length)
  }
})

test('version 1: lines that are not exactly what the specification says', async t => {
  for (const line of [
    'PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n',
    'PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n',
    'PROXY TCP4 192.0.2.001 192.0.2.2 1 2\r\n',
    'PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n',
    'PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n',
    'PROXY TCP6 fe80::1%eth0 2001:db8::2 1 2\r\n',
    'PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n',
    'PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n',
    'proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rX',
    'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n\r\n',
    `PROXY UNKNOWN ${'x'.repeat(100)}\r\n`,
    'GET / HTTP/1.1\r\n\r\n',
  ]) {
    t.equal(parse(Buffer.from(line))[0], MALFORMED, JSON.stringify(line))
  }
})

test('version 1: UNKNOWN says nothing of the client, whatever follows', async t => {
  const [length, header] = parse(Buffer.from('PROXY UNKNOWN 1 2 3\r\nrest'))
  t.equal(length, 21)
  t.equal(header.local, true)
})

test('version 2: LOCAL is the proxy itself, its addresses are skipped', async t => {
  const [length, header] = parse(v2(0, 0x11, ipv4Body))
  t.equal(length, 28)
  t.equal(header.local, true)
  t.equal(header.source, '')
  for (const family of [0x00, 0x13, 0x41, 0xff]) {
    const bytes = v2(0, family, Buffer.from('whatever'))
    const [whole, told] = parse(bytes)
    t.strictSame([whole, told.local], [24, true], `family ${family}`)
    t.equal(parse(bytes.subarray(0, 23))[0], NEED_MORE)
  }
})

test('version 2: IPv4 addresses and ports', async t => {
  const [length, header] = parse(v2(1, 0x11, ipv4Body))
  t.equal(length, 28)
  t.equal(header.local, false)
  t.equal(header.source, '192.0.2.1')
  t.equal(header.sourcePort, 8080)
  t.equal(header.destination, '192.0.2.2')
  t.equal(header.destinationPort, 443)
})

test('version 2: an unspecified or Unix client is counted as the proxy', async t => {
  t.equal(parse(v2(1, 0x00, Buffer.alloc(0)))[1].local, true)
  const [length, header] = parse(v2(1, 0x31, Buffer.alloc(216)))
  t.equal(length, 232)
  t.equal(header.local, true)
})

test('version 2: what is malformed', async t => {
  const wrongVersion = v2(1, 0x11, ipv4Body)
  wrongVersion[12] = 0x11
  for (const [what, bytes] of [
    ['version 1 in the binary form', wrongVersion],
    ['an unknown command', v2(2, 0x11, ipv4Body)],
    ['an unknown family', v2(1, 0x41, ipv4Body)],
    ['an unknown transport', v2(1, 0x13, ipv4Body)],
    ['addresses that are cut', v2(1, 0x11, ipv4Body.subarray(0, 11))],
    ['a body over the limit', v2(1, 0x11, Buffer.alloc(4097))],
    ['half a TLV', v2(1, 0x11, Buffer.concat([ipv4Body, Buffer.from([4, 0])]))],
    ['a TLV past the end', v2(1, 0x11, Buffer.concat([ipv4Body, Buffer.from([4, 0, 9, 1])]))],
    [
      'a checksum of the wrong size',
      v2(1, 0x11, Buffer.concat([ipv4Body, Buffer.from([3, 0, 1, 1])])),
    ],
    [
      'a wrong checksum',
      v2(1, 0x11, Buffer.concat([ipv4Body, Buffer.from([3, 0, 4, 1, 2, 3, 4])])),
    ],
  ] as const) {
    t.equal(parse(bytes)[0], MALFORMED, what)
  }
})

test('version 2: a right checksum', async t => {
  const bytes = v2(1, 0x11, Buffer.concat([ipv4Body, Buffer.from([3, 0, 4, 0, 0, 0, 0])]))
  bytes.writeUInt32BE(crc32c(bytes, 0, bytes.length), bytes.length - 4)
  t.equal(parse(bytes)[0], bytes.length)
})

test('CRC-32C of its check value, RFC 3720', async t => {
  t.equal(crc32c(Buffer.from('123456789'), 0, 9), 0xe3069283)
})

test('a mixed pair is written as IPv6, and one that cannot be read as unknown', async t => {
  const mixed = {
    source: '192.0.2.1',
    sourcePort: 1,
    destination: '2001:db8::1',
    destinationPort: 2,
  }
  t.equal(writeV1(mixed).toString(), 'PROXY TCP6 ::ffff:192.0.2.1 2001:db8::1 1 2\r\n')
  t.equal(parse(writeV2(mixed, null))[1].destination, '2001:db8::1')
  const unknown = { ...mixed, source: '' }
  t.equal(writeV1(unknown).toString(), 'PROXY UNKNOWN\r\n')
  t.equal(parse(writeV2(unknown, null))[1].local, true)
})

test('random bytes behind the signature get a verdict and never throw', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), rest => {
      const bytes = Buffer.concat([SIGNATURE, rest])
      const [result] = parse(bytes)
      return result === MALFORMED || result === NEED_MORE || (result > 0 && result <= bytes.length)
    }),
  )
  t.pass('no throw')
})
