import { test } from 'tap'
import { testAuthority } from '../../support/certificates.ts'
import { bad, good, ONE } from '../../support/config.ts'

test('certificates and keys come in pairs, or keys are in the same file', async t => {
  const { cert, key } = testAuthority(t).issue('a', ['a.test'])
  const tls = { ...ONE, listen: ['tls://127.0.0.1:1'] }
  t.match(bad(t, tls), [/--cert: a tls:\/\/ or https:\/\/ listener needs a certificate/])
  t.match(bad(t, { ...tls, cert: [cert, cert], key: [key] }), [/--key: 2 --cert and 1 --key/])
  t.strictSame(good(t, { ...tls, cert: [cert], key: [key] }).tls.certificates, [{ cert, key }])
})
