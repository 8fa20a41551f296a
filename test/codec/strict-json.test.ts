import * as fc from 'fast-check'
import { test } from 'tap'
import {
  DEPTH_MAX,
  DUPLICATE_MEMBER,
  member,
  MEMBERS_MAX,
  NOT_JSON,
  readJsonObject,
  TOO_COMPLEX,
  TRAILING,
} from '../../src/codec/strict-json.ts'

const read = (text: string) => readJsonObject(Buffer.from(text))

test('objects are read as JSON.parse reads them', async t => {
  for (const text of [
    '{}',
    ' {\r\n\t} \n',
    '{"a":1,"b":[{"a":1},{"a":2}],"c":{"a":null}}',
    '{"a":"{\\"a\\":1,\\"a\\":2}"}',
    '{"a":"\\\\","b":"\\u0062"}',
    '{"a b":"é€😀"}',
    '{"__proto__":1,"constructor":2}',
  ]) {
    t.strictSame(read(text), JSON.parse(text), text)
  }
})

test('any object of distinct names comes back, whatever is in it', async t => {
  const value = fc.jsonValue({ maxDepth: DEPTH_MAX - 1 })
  fc.assert(
    fc.property(fc.dictionary(fc.string(), value, { maxKeys: 5 }), object => {
      const text = JSON.stringify(object)
      return JSON.stringify(read(text)) === text
    }),
  )
  t.pass()
})

test('two members of one name are refused wherever they stand', async t => {
  for (const text of [
    '{"a":1,"a":1}',
    '{"a":1,"b":2,"a":3}',
    '{"a":1,"\\u0061":2}',
    '{"a" :1,"a"\n:2}',
    '{"x":{"a":1,"a":2}}',
    '{"x":[0,{"a":1,"a":2}]}',
    '{"":1,"":2}',
  ]) {
    t.equal(read(text), DUPLICATE_MEMBER, text)
  }
})

test('what is no object is refused', async t => {
  for (const text of [
    '',
    ' ',
    '1',
    'null',
    '"{}"',
    '[]',
    '[{}]',
    '{',
    '{"a',
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,}',
    '{a:1}',
    "{'a':1}",
    '{"a":01}',
    '{"a":NaN}',
    '{"a":"\n"}',
    '{"a":"\\x"}',
    '{"\\x":1}',
    '{]',
    '["a":1}',
    '{/**/}',
    '﻿{}',
  ]) {
    t.equal(read(text), NOT_JSON, JSON.stringify(text))
  }
})

test('bytes that are not UTF-8 are refused', async t => {
  for (const hex of ['ff', 'c080', 'eda080', 'f4908080', 'c3']) {
    const bytes = Buffer.concat([Buffer.from('{"a":"'), Buffer.from(hex, 'hex'), Buffer.from('"}')])
    t.equal(readJsonObject(bytes), NOT_JSON, hex)
  }
})

test('what follows the object is refused', async t => {
  for (const text of ['{}x', '{}{}', '{"a":1},', '{}}', '{}\0']) {
    t.equal(read(text), TRAILING, JSON.stringify(text))
  }
})

test('depth is bounded, before anything recurses', async t => {
  const nested = (depth: number) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
  t.type(read(nested(DEPTH_MAX)), 'object')
  t.equal(read(nested(DEPTH_MAX + 1)), TOO_COMPLEX)
  t.equal(read('{"a":'.repeat(100_000)), TOO_COMPLEX)
})

test('the number of members is bounded', async t => {
  const wide = (members: number) =>
    `{${Array.from({ length: members }, (_, i) => `"${i}":0`).join(',')}}`
  t.type(read(wide(MEMBERS_MAX)), 'object')
  t.equal(read(wide(MEMBERS_MAX + 1)), TOO_COMPLEX)
})

test('no text makes it throw', async t => {
  const piece = fc.constantFrom(...'{}[]":,\\u0a1 \n'.split(''), '"a"', '"b":', 'null', '\\"')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), pieces => {
      const result = read(`{${pieces.join('')}`)
      return typeof result === 'object' || result < 0
    }),
    { numRuns: 2000 },
  )
  t.pass()
})

test('a member is one of its own', async t => {
  const object = read('{"a":1,"__proto__":2}')
  t.type(object, 'object')
  if (typeof object === 'number') return
  t.equal(member(object, 'a'), 1)
  t.equal(member(object, '__proto__'), 2)
  t.equal(member(object, 'toString'), undefined)
})
