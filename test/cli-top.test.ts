import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { type Test, test } from 'tap'
import { top } from '../src/cli-top.ts'
import { AdminSocket } from '../src/control/admin-socket.ts'
import type { ToldTop } from '../src/control/top.ts'

/** Asks a socket that answers `told`. */
async function ask(t: Test, told: ToldTop, json = false) {
  // The name of a socket has 107 bytes: too few for folders of tests.
  const folder = mkdtempSync(`${tmpdir()}/weir-`)
  const asked: string[] = []
  const socket = new AdminSocket(`${folder}/admin.sock`, [
    {
      method: 'GET',
      path: '/top',
      handle(query) {
        asked.push(query.toString())
        return told
      },
    },
  ])
  await socket.start()
  t.teardown(() => {
    socket.stop()
    rmSync(folder, { recursive: true })
  })
  const printed: string[] = []
  const noted: string[] = []
  const code = await top(
    { 'admin-socket': `${folder}/admin.sock`, json, of: told.kind, limit: '7' },
    { print: text => printed.push(text), note: text => noted.push(text) },
  )
  return { code, asked, printed, noted }
}

const TOLD: ToldTop = {
  kind: 'reasons',
  window_s: 42,
  rows: [
    { name: 'denied', refused: 3, refused_ever: 12 },
    { name: '\u001b[2Jbanned', refused: 0, refused_ever: 1 },
  ],
}

test('rows are a table with what they are of, and nothing in it is a command to a terminal', async t => {
  t.strictSame(await ask(t, TOLD), {
    code: 0,
    asked: ['of=reasons&limit=7'],
    printed: [
      'reasons        refused  refused ever',
      'denied         3        12',
      String.raw`\x1B[2Jbanned  0        1`,
    ],
    noted: ['counts are of the last 42 s, but for those that say otherwise'],
  })
})

test('no rows are no table, and JSON is what the socket said', async t => {
  t.match(await ask(t, { ...TOLD, rows: [] }), {
    printed: [],
    noted: ['no reasons within the last 42 s'],
  })
  const { printed } = await ask(t, TOLD, true)
  t.strictSame(JSON.parse(printed.join('')), TOLD)
})
