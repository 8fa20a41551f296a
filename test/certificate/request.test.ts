import { spawnSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { test } from 'tap'
import { keyTypes } from '../../src/certificate/key-pair.ts'
import { createRequest } from '../../src/certificate/request.ts'

const hasOpenssl = spawnSync('openssl', ['version']).status === 0
const openssl = { skip: hasOpenssl ? false : 'openssl is not installed' }

function read(csrPem: string): string {
  const { stdout, stderr } = spawnSync('openssl', ['req', '-verify', '-noout', '-text'], {
    input: csrPem,
    encoding: 'utf8',
  })
  return `${stdout}${stderr}`
}

for (const keyType of keyTypes) {
  test(
    `openssl verifies a request with an ${keyType} key, and finds all names`,
    openssl,
    async t => {
      const { csrPem, keyPem } = createRequest({
        subject: { organization: 'Müller, Söhne', country: 'DE' },
        names: ['www.a.test', '*.b.test', '192.0.2.1', '2001:db8::1'],
        keyType,
      })
      const text = read(csrPem)
      t.match(text, /signature verify OK|self-signature verify OK/)
      t.match(
        text,
        'DNS:www.a.test, DNS:*.b.test, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1',
      )
      t.match(text, /Subject: C = DE, O = "M\\C3\\BCller, S\\C3\\B6hne", CN = www\.a\.test/)
      t.equal(createPrivateKey(keyPem).asymmetricKeyType, keyType)
    },
  )
}

test('a broken signature is noticed by this very check', openssl, async t => {
  const { csrPem } = createRequest({ names: ['a.test'] })
  const lines = csrPem.trimEnd().split('\n')
  const der = Buffer.from(lines.slice(1, -1).join(''), 'base64')
  const at = der.indexOf('a.test')
  der[at] = 'b'.charCodeAt(0)
  t.notMatch(
    read([lines[0], der.toString('base64').replace(/.{64}/g, '$&\n'), lines.at(-1), ''].join('\n')),
    /verify OK/,
  )
})

test('a given common name is kept, and one made of a name must fit', openssl, async t => {
  const long = `${'a'.repeat(60)}.test`
  t.match(read(createRequest({ names: [long] }).csrPem), /Subject: *\n/)
  t.match(
    read(createRequest({ names: [long], subject: { commonName: 'mine' } }).csrPem),
    /Subject: CN = mine/,
  )
})

test('a request without a name is refused', async t => {
  t.throws(() => createRequest({ names: [] }), {
    name: 'RangeError',
    message: 'no name for the certificate: give at least one, like localhost',
  })
})
