import { test } from 'tap'
import { readAuthorization } from '../../src/auth/authorization.ts'
import type { Scheme } from '../../src/auth/scheme.ts'
import { type Found, findAny } from '../../src/auth/schemes.ts'
import type { RequestHead } from '../../src/codec/http1/request-head.ts'
import { X_API_KEY } from '../../src/codec/http1/field-names.ts'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import { requestHead } from '../support/head.ts'

const REJECTED = refusal('key-unknown')

/** Reads its own header, else a bearer; recognises what begins with `k`. */
const keys: Scheme = {
  name: 'api-key',
  find: head => head.list(X_API_KEY) || readAuthorization(head, 'bearer'),
  recognises: credential => credential.startsWith('k'),
  check: () => REJECTED,
}
const tokens: Scheme = {
  name: 'jwt',
  find: head => readAuthorization(head, 'bearer'),
  recognises: credential => credential.includes('.'),
  check: () => REJECTED,
}

function search(head: RequestHead): Found & { readonly rejected: number } {
  const found: Found = { scheme: keys, credential: 'of the request before' }
  const rejected = findAny([keys, tokens], head, null, found)
  return { ...found, rejected }
}

test('the scheme that recognises a credential judges it, else the last that can read it', async t => {
  const bearer = (credential: string) =>
    search(requestHead([`Authorization: Bearer ${credential}`]))
  t.strictSame(bearer('k1'), { scheme: keys, credential: 'k1', rejected: ADMITTED })
  t.strictSame(bearer('k.1'), { scheme: keys, credential: 'k.1', rejected: ADMITTED })
  t.strictSame(bearer('a.b.c'), { scheme: tokens, credential: 'a.b.c', rejected: ADMITTED })
  t.strictSame(bearer('?'), { scheme: tokens, credential: '?', rejected: ADMITTED })
})

test('a request without a credential is missing one, whatever the one before had', async t => {
  const missing = { scheme: null, credential: '', rejected: refusal('credential-missing') }
  t.strictSame(search(requestHead([])), missing)
  t.strictSame(search(requestHead(['Authorization: Basic k1'])), missing)
})

test('two credentials that differ are ambiguous, the same one in two places is not', async t => {
  const both = (key: string, token: string) =>
    search(requestHead([`X-API-Key: ${key}`, `Authorization: Bearer ${token}`])).rejected
  t.equal(both('k1', 'a.b.c'), refusal('credential-ambiguous'))
  t.equal(both('k1', 'k1'), ADMITTED)
})

test('what is a rejection in itself is told', async t => {
  const head = requestHead(['Authorization: Bearer a', 'Authorization: Bearer b'])
  t.equal(search(head).rejected, refusal('credential-ambiguous'))
})
