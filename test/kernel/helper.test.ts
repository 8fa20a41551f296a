/** Who is served by the helper when; bans themselves are in test/flows/kernel-bans. */
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { HelperServer, helperCommand } from '../../src/kernel/helper.ts'
import { until } from '../support/until.ts'

async function setup(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'weir-helper-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'socket')
  const scripts: string[] = []
  const parts = {
    table: 'w',
    note() {},
    run: async (_: readonly string[], script: string) => {
      scripts.push(script)
      return ''
    },
  }
  const server = new HelperServer(parts)
  t.teardown(() => server.close())
  await server.listen(path)
  const dial = () => {
    const socket = connect(path)
    const said = { text: '' }
    socket.on('data', (bytes: Buffer) => (said.text += bytes.toString()))
    socket.on('error', () => {})
    socket.write('hello 1 443\n')
    return { socket, said }
  }
  return { path, server, parts, scripts, dial }
}

test('only its user and group may connect', async t => {
  const { path } = await setup(t)
  t.equal(statSync(path).mode & 0o777, 0o660)
})

test('one weir at a time: the next waits a moment for the one before it to be gone', async t => {
  const { dial, scripts } = await setup(t)
  const first = dial()
  await until(() => first.said.text === 'ready w\n', 'the first is served')
  const second = dial()
  const third = dial()
  await once(third.socket, 'connect')
  first.socket.destroy()
  await until(() => second.said.text + third.said.text !== '', 'one of the others is served')
  t.match(scripts[1], /delete table inet w$/, 'after the table of the first was gone')
  t.match(scripts[2], 'add chain inet w banned')
  await until(() => second.said.text !== '' && third.said.text !== '', 'the other is told')
  t.strictSame([second.said.text, third.said.text].toSorted(), [
    'error another weir is connected\n',
    'ready w\n',
  ])
})

test('closed, it takes the table away, and its socket', async t => {
  const { dial, scripts, server, path } = await setup(t)
  const { said } = dial()
  await until(() => said.text === 'ready w\n', 'it is served')
  await server.close()
  t.match(scripts.at(-1), /delete table inet w$/)
  t.throws(() => statSync(path), { code: 'ENOENT' })
})

test('a socket that was left over is replaced, one that is in use is not', async t => {
  const { path, parts } = await setup(t)
  const other = new HelperServer(parts)
  await t.rejects(other.listen(path), { message: `another helper listens on ${path}` })
  t.ok(statSync(path).isSocket())
})

test('a table that is none is refused', async t => {
  const notes: string[] = []
  t.equal(await helperCommand('/tmp/x', 'a b', line => notes.push(line)), 2)
  t.match(notes, ['weir kernel-bans: "a b" cannot be a table'])
})
