import { test } from 'tap'
import type { FieldEdits } from '../../src/config/config.ts'
import { headEdits } from '../../src/proxy/head-edits.ts'

const NONE: FieldEdits = { remove: [], set: [], add: [] }
const HEAD = 'HTTP/1.1 200 OK\r\nServer: x\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX-Last:\r\n\r\n'

function edited(edits: Partial<FieldEdits>, head = HEAD): string {
  return headEdits({ ...NONE, ...edits })!.apply(head)
}

test('nothing to change is null', async t => {
  t.equal(headEdits(NONE), null)
})

test('removes all fields of a name, however it is written, first and last ones too', async t => {
  t.equal(edited({ remove: ['set-cookie'] }), 'HTTP/1.1 200 OK\r\nServer: x\r\nX-Last:\r\n\r\n')
  t.equal(edited({ remove: ['server', 'set-cookie', 'x-last'] }), 'HTTP/1.1 200 OK\r\n\r\n')
  t.equal(edited({ remove: ['cookie', 'http/1.1 200 ok', 'serve'] }), HEAD)
})

test('set replaces, add comes on top', async t => {
  t.equal(
    edited({
      set: [{ name: 'SERVER', value: 'y' }],
      add: [
        { name: 'Set-Cookie', value: 'c=3' },
        { name: 'Set-Cookie', value: 'd=4' },
      ],
    }),
    'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX-Last:\r\n' +
      'SERVER: y\r\nSet-Cookie: c=3\r\nSet-Cookie: d=4\r\n\r\n',
  )
  t.equal(edited({ add: [{ name: 'X', value: '' }] }), `${HEAD.slice(0, -2)}X: \r\n\r\n`)
})

test('a head without fields is edited as well', async t => {
  const head = 'HTTP/1.1 204 \r\n\r\n'
  t.equal(edited({ remove: ['a'] }, head), head)
  t.equal(edited({ set: [{ name: 'A', value: '1' }] }, head), 'HTTP/1.1 204 \r\nA: 1\r\n\r\n')
})
