import { test } from 'tap'
import { canonicalName, canonicalNames, distinguishedName } from '../../src/certificate/subject.ts'

test('one name has one spelling', async t => {
  const spellings = {
    LOCALHOST: 'localhost',
    'www.Example.COM.': 'www.example.com',
    '*.example.com': '*.example.com',
    'xn--mller-kva.example': 'xn--mller-kva.example',
    '127.0.0.1': '127.0.0.1',
    '0:0:0:0:0:0:0:1': '::1',
    '2001:DB8::0:1': '2001:db8::1',
    '::': '::',
    '::ffff:192.0.2.1': '::ffff:c000:201',
  }
  for (const [given, canonical] of Object.entries(spellings)) {
    t.equal(canonicalName(given), canonical, given)
  }
  t.same(canonicalNames(['a.test', 'A.test.', '::1', '0::1']), ['a.test', '::1'], 'each once')
})

test('what is neither a DNS name nor an address is refused, with how to write it', async t => {
  const refused = {
    empty: '',
    'a dot alone': '.',
    'empty label': 'a..b',
    'leading hyphen': '-a.test',
    'trailing hyphen': 'a-.test',
    underscore: 'a_b.test',
    'not ASCII': 'müller.test',
    'a URL': 'https://a.test',
    'a port': 'a.test:443',
    'a blank': 'a b',
    'a line end': 'a.test\n',
    NUL: 'a.test\0.b',
    'star in the middle': 'a.*.test',
    'star in a label': 'a*.test',
    'star alone': '*',
    'broken IPv4': '1.2.3.256',
    'short IPv4': '127.1',
    'IPv6 with a zone': 'fe80::1%eth0',
    'label of 64': `${'a'.repeat(64)}.test`,
    '254 characters': `${'a.'.repeat(125)}test`,
  }
  for (const [why, name] of Object.entries(refused)) {
    t.throws(
      () => canonicalName(name),
      {
        name: 'RangeError',
        message:
          `name '${name}' is neither a DNS name nor an IP address: use letters, digits and ` +
          'hyphens (xn--… for others), like www.example.com, *.example.com or ::1',
      },
      why,
    )
  }
  t.equal(canonicalName(`${'a'.repeat(63)}.test`).length, 68, '63 are a label')
})

test('the parts of a subject have bounds', async t => {
  t.throws(() => distinguishedName({ commonName: 'a'.repeat(65) }), {
    name: 'RangeError',
    message: `commonName '${'a'.repeat(65)}' has 65 characters: it takes 1 to 64`,
  })
  t.throws(() => distinguishedName({ organization: '' }), /organization '' has 0 characters/)
  t.throws(() => distinguishedName({ country: 'de' }), {
    name: 'RangeError',
    message: "country 'de' is not two capital letters: write it like DE or US",
  })
  t.doesNotThrow(() => distinguishedName({ commonName: 'a'.repeat(64), state: 'b'.repeat(128) }))
})
