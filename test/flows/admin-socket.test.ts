import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { askSocket } from '../support/admin-socket.ts'
import { named, startBackend } from '../support/backend.ts'
import { dial, ending, exchange } from '../support/client.ts'
import { until } from '../support/until.ts'
import { runWeir, startWeir } from '../support/weir.ts'

/** The name of a socket has 107 bytes: too few for those of tests. */
function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'weir-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

const LISTEN = ['--listen', 'tcp://127.0.0.1:0', '--workers', '2']

test('an operator bans, looks and lifts while weir runs', async t => {
  const backend = await startBackend(t, named('served'))
  const socket = `${folderOf(t)}/admin.sock`
  const weir = await startWeir(t, [
    ...[...LISTEN, '--backend', backend.url, '--admin-socket', socket],
    ...['--ban-exempt', '127.0.0.9'],
  ])
  t.equal(statSync(socket).mode & 0o777, 0o600)
  const bans = (...args: string[]) => runWeir(['bans', ...args, '--admin-socket', socket])
  const port = weir.ports[0]!
  const isServed = async (from: string) =>
    (await exchange(await dial(port, { from }), 'x')) === 'served'

  t.match(await bans('list'), { code: 0, stdout: '', stderr: 'nobody is banned\n' })
  const added = await bans('add', '127.0.0.8/29', '--for', '2h', '--cause', 'scans')
  t.match(added, { code: 0, stdout: '127.0.0.8/29 is banned for 2h\n' })
  for (let i = 0; i < 10; i++) {
    t.equal(await ending(port, { from: '127.0.0.10' }, 'x'), 'ECONNRESET')
  }
  t.ok(await isServed('127.0.0.9'), 'who is exempt')
  t.ok(await isServed('127.0.0.2'), 'and who is not in the block')
  await weir.metricIs('weir_refusals_total', { reason: 'banned' }, 10)

  const listed = await bans('list')
  t.match(
    listed.stdout,
    /^address +left +in a row +by +cause\n127\.0\.0\.8\/29 +(?:2h|1h 5\dm) +1 +operator +scans\n$/,
  )
  const json = JSON.parse((await bans('list', '--json')).stdout) as { bans: { left_s: number }[] }
  t.ok(json.bans[0]!.left_s > 7100)

  t.match(await bans('remove', '127.0.0.10'), {
    stderr: '127.0.0.10 is banned still, as a part of 127.0.0.8/29\n',
  })
  t.equal(await ending(port, { from: '127.0.0.10' }, 'x'), 'ECONNRESET')
  t.match(await bans('remove', '127.0.0.0/8'), { stdout: '127.0.0.8/29 is banned no more\n' })
  t.ok(await isServed('127.0.0.10'))
  t.match(await bans('remove', '127.0.0.0/8'), { code: 0, stderr: /nothing in .* was banned/ })
})

test('what is wrong is told, and where weir should listen', async t => {
  const backend = await startBackend(t, named('served'))
  const socket = `${folderOf(t)}/admin.sock`
  const flags = [...LISTEN, '--backend', backend.url, '--admin-socket', socket]
  const bans = (...args: string[]) => runWeir(['bans', ...args, '--admin-socket', socket])
  t.match(await bans('list'), {
    code: 1,
    stderr: /no weir listens at .*start it with --admin-socket/,
  })
  const weir = await startWeir(t, flags)
  t.match(await bans('add', '10.0.0.300'), { code: 1, stderr: /"10\.0\.0\.300" is no address/ })
  t.match(await bans('add', '10.0.0.3', '--for', 'ever'), {
    code: 2,
    stderr: /--for "ever" is no time/,
  })
  t.match(await bans('add'), { code: 2 })
  const second = await runWeir(flags)
  t.match(second, { code: 2, stderr: /is the socket of a process that runs/ })
  t.equal((await weir.admin('/bans')).status, 404, 'the admin port changes nothing')
  t.equal(await weir.stop(), 0)
  t.throws(() => statSync(socket), { code: 'ENOENT' }, 'it is taken away')
})

test('what a dead process left is replaced, and what is no socket is not', async t => {
  const backend = await startBackend(t, named('served'))
  const folder = folderOf(t)
  const flags = [...LISTEN, '--backend', backend.url, '--admin-socket']
  const socket = `${folder}/admin.sock`
  const first = await startWeir(t, [...flags, socket])
  first.child.kill('SIGKILL')
  await once(first.child, 'close')
  t.ok(statSync(socket).isSocket(), 'it is still there')
  await startWeir(t, [...flags, socket])
  const listed = await runWeir(['bans', 'list', '--admin-socket', socket])
  t.equal(listed.code, 0)

  writeFileSync(`${folder}/file`, 'mine')
  const other = await runWeir([...flags, `${folder}/file`])
  t.match(other, { code: 2, stderr: /is there and no socket/ })
})

test('nothing that is sent to it ends weir', async t => {
  const backend = await startBackend(t, named('served'))
  const socket = `${folderOf(t)}/admin.sock`
  const weir = await startWeir(t, [...LISTEN, '--backend', backend.url, '--admin-socket', socket])
  for (const [sent, status] of [
    ['GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 404],
    ['PUT /bans HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 405],
    ['DELETE /bans?cidr=%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 400],
    ['POST /bans HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\n{', 400],
    ['POST /bans HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}', 400],
    [
      'POST /bans HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 99999999\r\n\r\n',
      413,
    ],
    [
      `POST /bans HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n11000\r\n${' '.repeat(0x11000)}\r\n`,
      413,
    ],
    ['POST // HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 400],
    ['\0\x16garbage\r\n\r\n', 0],
  ] as const) {
    const client = connect(socket)
    let answer = ''
    client.on('data', (bytes: Buffer) => (answer += bytes.toString()))
    client.on('error', () => {})
    client.write(sent)
    await new Promise(resolve => client.on('close', resolve))
    t.equal(Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0), status, sent.slice(0, 100))
  }
  t.equal((await weir.admin('/healthz')).status, 200)
})

test('sixteen connections that say nothing keep nobody out: the oldest makes room, alone', async t => {
  const backend = await startBackend(t, named('served'))
  const socket = `${folderOf(t)}/admin.sock`
  await startWeir(t, [...LISTEN, '--backend', backend.url, '--admin-socket', socket])
  const held: Socket[] = []
  for (let i = 0; i < 16; i++) {
    const each = connect(socket).on('error', () => {})
    t.teardown(() => each.destroy())
    await once(each, 'connect')
    // Else nobody notices that it is closed.
    held.push(each.resume())
  }
  t.equal((await askSocket(socket, '/bans'))[0], 200)
  await until(() => held[0]!.destroyed, 'the oldest is closed')
  t.notOk(held.slice(1).some(each => each.destroyed))
})
