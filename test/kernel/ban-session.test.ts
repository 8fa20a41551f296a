import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import * as fc from 'fast-check'
import { type Test, test } from 'tap'
import { BanSession } from '../../src/kernel/ban-session.ts'
import { until } from '../support/until.ts'

async function setup(t: Test) {
  const scripts: string[] = []
  const notes: string[] = []
  const sessions: BanSession[] = []
  const server = createServer({ allowHalfOpen: true }, socket => {
    const session = new BanSession({
      socket,
      table: 'w',
      run: async (_, script) => {
        scripts.push(script)
        return '{"nftables":[{"counter":{"packets":7,"bytes":9}}]}'
      },
      note: line => notes.push(line),
    })
    sessions.push(session)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const dial = async () => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const said = { text: '' }
    socket.on('data', (bytes: Buffer) => (said.text += bytes.toString()))
    socket.on('error', () => {})
    await once(socket, 'connect')
    return { socket, said }
  }
  return { scripts, notes, sessions, dial }
}

test('a weir says hello, adds and removes, and asks for the counters', async t => {
  const { scripts, sessions, dial } = await setup(t)
  const { socket, said } = await dial()
  socket.write('hello 1 443\n')
  await until(() => said.text === 'ready w\n', 'it is greeted')
  socket.write('add 192.0.2.1/32 60\nadd 192.0.2.2/32 60\nremove 192.0.2.2/32\n')
  await until(() => scripts.length === 2, 'it is done')
  t.match(scripts[1], '{ 192.0.2.1 timeout 60s }')
  socket.write('counters\n')
  await until(() => said.text === 'ready w\ncounters 7 9 1\n', 'they are told')
  socket.end()
  await sessions[0]!.ended
  t.match(scripts.at(-1), /delete table inet w$/, 'the table ends with the connection')
})

test('a connection that breaks takes the table with it', async t => {
  const { scripts, sessions, dial } = await setup(t)
  const { socket, said } = await dial()
  socket.write('hello 1 443\n')
  await until(() => said.text !== '', 'it is greeted')
  socket.resetAndDestroy()
  await sessions[0]!.ended
  t.match(scripts.at(-1), /delete table inet w$/)
})

test('whoever says something else is told, and nothing of it reaches nft', async t => {
  for (const [text, answer] of [
    ['add 192.0.2.1/32 60\n', 'hello must come first'],
    ['hello 1 443; flush ruleset\n', 'a line is not understood'],
    ['hello 1 443\nhello 1 444\n', 'hello came twice'],
    ['hello 1 443\nadd 192.0.2.1/32 60; flush ruleset\nadd 192.0.2.1/32 60\n', 'not understood'],
    ['x'.repeat(1000), 'a line is too long'],
  ] as const) {
    const { scripts, notes, sessions, dial } = await setup(t)
    const { socket, said } = await dial()
    socket.write(text)
    await once(socket, 'close')
    await sessions[0]!.ended
    t.match(notes, [answer])
    t.match(said.text, `error ${notes[0]}`)
    for (const script of scripts) t.notMatch(script, /flush|192/)
  }
})

test('garbage never reaches nft', async t => {
  const { scripts, sessions, dial } = await setup(t)
  const garbage = fc.sample(fc.uint8Array({ minLength: 1, maxLength: 600 }), 100)
  for (const [i, bytes] of garbage.entries()) {
    const { socket } = await dial()
    socket.end(bytes)
    await until(() => sessions.length > i, 'it is there', 15_000, 1)
    await sessions[i]!.ended
  }
  t.strictSame(scripts, [])
})
