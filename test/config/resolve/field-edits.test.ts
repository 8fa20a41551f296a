import { test } from 'tap'
import type { Problem } from '../../../src/config/flag.ts'
import { NO_EDITS, resolveFieldEdits } from '../../../src/config/resolve/field-edits.ts'
import type { FieldEditsSection } from '../../../src/config/schema.ts'

function read(section: FieldEditsSection | undefined) {
  const problems: Problem[] = []
  const edits = resolveFieldEdits(section, (...keys) => keys.join('.'), problems)
  return { edits, told: problems.map(({ where, message }) => `${where}: ${message}`) }
}

test('removes by lower-case name; sets and adds as written, each value of a list', async t => {
  t.strictSame(read(undefined).edits, NO_EDITS)
  const { edits, told } = read({
    remove: ['X-Powered-By', 'server'],
    set: { 'X-Frame-Options': 'DENY', Empty: '' },
    add: { Link: ['<a>', '<b>'], Vary: 'Accept' },
  })
  t.strictSame(told, [])
  t.strictSame(edits, {
    remove: ['x-powered-by', 'server'],
    set: [
      { name: 'X-Frame-Options', value: 'DENY' },
      { name: 'Empty', value: '' },
    ],
    add: [
      { name: 'Link', value: '<a>' },
      { name: 'Link', value: '<b>' },
      { name: 'Vary', value: 'Accept' },
    ],
  })
  t.strictSame(read({ remove: 'Server' }).edits.remove, ['server'])
})

test('framing and fields of one connection cannot be edited, however', async t => {
  for (const name of [
    'Content-Length',
    'transfer-encoding',
    'Connection',
    'KEEP-ALIVE',
    'Proxy-Connection',
    'TE',
    'Trailer',
    'Upgrade',
    'HTTP2-Settings',
    'Expect',
    'Proxy',
  ]) {
    const message = new RegExp(`${name} is about one connection or the length of a message`)
    t.match(read({ remove: [name] }).told, [message], name)
    t.match(read({ set: { [name]: '1' } }).told, [message], name)
    t.match(read({ add: { [name]: '1' } }).told, [message], name)
  }
  t.match(read({ set: { hOst: 'a' } }).told, [
    /set\.hOst: hOst is not edited here; use rewrite-host/,
  ])
})

test('names are tokens, values hold no line end and nothing beyond ASCII', async t => {
  for (const name of ['', 'a b', 'a:', 'a\r\nb', 'ü', 'a\0']) {
    t.match(read({ set: { [name]: '1' } }).told, [/is no field name/], JSON.stringify(name))
    t.match(read({ remove: [name] }).told, [/is no field name/], JSON.stringify(name))
  }
  for (const value of ['a\r\nb', 'a\n', '\r', 'a\0b', ' a', 'a ', '\x7f', 'ü']) {
    t.match(read({ set: { X: value } }).told, [/cannot be the value of X/], JSON.stringify(value))
    t.match(read({ add: { X: ['a', value] } }).told, [/add\.X: .*cannot be the value of X/])
  }
  t.match(read({ set: { X: 'a'.repeat(4097) } }).told, [/4097 characters; 4096 is the limit/])
  t.strictSame(read({ set: { X: 'a\tb c' } }).told, [])
})

test('one field is removed or set once', async t => {
  t.match(read({ remove: ['A', 'a'] }).told, [/remove: names a field twice/])
  t.match(read({ remove: ['A'], set: { a: '1' } }).told, [/set\.a: a is removed or set already/])
  t.match(read({ set: { A: '1', a: '2' } }).told, [/set\.a: a is removed or set already/])
})
