/** A parsed request head, from its fields. */
import assert from 'node:assert/strict'
import { OK } from '../../src/codec/http1/head.ts'
import { RequestHead } from '../../src/codec/http1/request-head.ts'

export function requestHead(fields: readonly string[], line = 'GET / HTTP/1.1'): RequestHead {
  const head = new RequestHead()
  const text = [line, 'Host: a.test', ...fields, '', ''].join('\r\n')
  const bytes = Buffer.from(text, 'latin1')
  assert.equal(head.parse(bytes, 0, bytes.length, 0), OK, text)
  return head
}
