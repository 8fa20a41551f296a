import { dirname, join } from 'node:path'
import { test } from 'tap'
import type { ToldTop, TopRow } from '../../src/control/top.ts'
import { adminSocket } from '../support/admin-socket.ts'
import { testAuthority } from '../support/certificates.ts'
import { dial, dialTls, ending, read, readAll } from '../support/client.ts'
import { sayName, startHttpBackend } from '../support/http-backend.ts'
import { runWeir, startWeir, withoutLimits } from '../support/weir.ts'

async function topOf(socket: string, kind: string): Promise<readonly TopRow[]> {
  const { stdout, stderr } = await runWeir(['top', kind, '--json', '--admin-socket', socket])
  if (stdout === '') throw new Error(stderr)
  return (JSON.parse(stdout) as ToldTop).rows
}

const HEAD = 'GET / HTTP/1.1\r\nHost: a\r\n'

async function get(port: number, from: string, fields = ''): Promise<string> {
  const socket = await dial(port, { from })
  socket.write(`${HEAD}Connection: close\r\n${fields}\r\n`)
  return (await readAll(socket)).toString()
}

test('who is refused most, holds most and asks most is on top', async t => {
  const backend = await startHttpBackend(t, sayName('served'))
  const socket = adminSocket(t)
  const weir = await startWeir(t, [
    ...['--listen', 'http://127.0.0.1:0', '--backend', backend.url, '--workers', '2'],
    ...['--admin-socket', socket, '--connection-rate', '0', '--request-rate', '1'],
    ...['--request-burst', '64', '--connections-per-address', '5', '--ban-threshold', '0'],
  ])
  const port = weir.ports[0]!
  t.match(await runWeir(['top', '--admin-socket', socket]), { code: 0, stderr: /^no addresses/ })
  const open = []
  for (let i = 0; i < 5; i++) open.push(await dial(port, { from: '127.0.1.2' }))
  for (const each of open) {
    each.write(`${HEAD}\r\n`)
    await read(each, 10)
  }
  for (let i = 0; i < 3; i++) await ending(port, { from: '127.0.1.2' }, 'x')
  const asking = await dial(port, { from: '127.0.2.3' })
  for (let i = 0; i < 64; i++) {
    asking.write(`${HEAD}\r\n`)
    await read(asking, 10)
  }
  asking.write(`${HEAD}\r\n`.repeat(10))
  await read(asking, 10)
  await weir.metricIs('weir_refusals_total', { reason: 'connections-per-address' }, 3)

  const addresses = await topOf(socket, 'addresses')
  const asker = addresses.find(({ name }) => name === '127.0.2.3')!
  t.ok(Number(asker['requests']) >= 16, JSON.stringify(asker))
  t.equal(asker['connections_now'], 1)
  t.match(
    addresses.find(({ name }) => name === '127.0.1.2'),
    { refused: 3, connections_now: 5, banned_now: 0 },
  )
  const prefixes = await topOf(socket, 'prefixes')
  t.match(
    prefixes.find(({ name }) => name === '127.0.1.0/24'),
    { refused: 3, connections_now: 5, addresses_now: 1 },
  )
  const reasons = await topOf(socket, 'reasons')
  t.match(
    reasons.find(({ name }) => name === 'connections-per-address'),
    { refused: 3, refused_ever: 3, flags: '--connections-per-address' },
  )
  const [route] = await topOf(socket, 'routes')
  t.ok(Number(route!['requests']) >= 69, JSON.stringify(route))
  const text = await runWeir(['top', '--limit', '1', '--admin-socket', socket])
  t.equal(text.code, 0)
  t.match(
    text.stdout,
    /^addresses +refused +requests +connections now +requests now +banned now\n[^\n]+\n$/,
  )
  t.match(text.stderr, /^counts are of the last \d+ s/)
  for (const each of [...open, asking]) each.destroy()
})

test('software by its fingerprint, and identities, never their credentials', async t => {
  const backend = await startHttpBackend(t, sayName('served'))
  const socket = adminSocket(t)
  const { cert, key: certKey } = testAuthority(t).issue('localhost', ['localhost'])
  const file = join(dirname(cert), 'keys.yaml')
  const created = await runWeir([
    'keys',
    'create',
    '--name',
    'billing',
    '--scope',
    'read',
    '--file',
    file,
  ])
  const key = created.stdout.trim()
  const weir = await startWeir(
    t,
    withoutLimits(
      ...['--listen', 'http://127.0.0.1:0', '--listen', 'https://127.0.0.1:0', '--workers', '2'],
      ...['--cert', cert, '--key', certKey, '--backend', backend.url, '--auth', 'api-key'],
      ...['--api-keys', file, '--admin-socket', socket],
    ),
  )
  for (let i = 0; i < 3; i++) {
    t.match(
      await get(weir.ports[0]!, '127.0.0.2', `Authorization: Bearer ${key}\r\n`),
      /^HTTP\/1.1 200/,
    )
  }
  const secure = await dialTls(weir.ports[1]!, { rejectUnauthorized: false })
  secure.write(`${HEAD}Authorization: Bearer ${key}\r\nConnection: close\r\n\r\n`)
  await readAll(secure)
  const [identity, ...others] = await topOf(socket, 'keys')
  t.strictSame(others, [])
  t.match(identity, { name: /^api-key \S+$/, requests: 4, refused: 0 })
  t.notOk(identity!.name.includes(key), 'not the key itself')
  const [fingerprint] = await topOf(socket, 'fingerprints')
  t.match(fingerprint, { name: /^t13d\d{4}\S\S_[0-9a-f]{12}_[0-9a-f]{12}$/, handshakes: 1 })
})

test('what cannot be asked is told', async t => {
  const backend = await startHttpBackend(t, sayName('served'))
  const socket = adminSocket(t)
  await startWeir(t, [
    ...['--listen', 'http://127.0.0.1:0', '--backend', backend.url, '--workers', '1'],
    ...['--admin-socket', socket],
  ])
  t.match(await runWeir(['top', 'nothing', '--admin-socket', socket]), { code: 2 })
  for (const limit of ['0', '-1', '1001', 'x', '1e3', '\u001b[31m']) {
    const { code, stdout, stderr } = await runWeir([
      'top',
      '--admin-socket',
      socket,
      `--limit=${limit}`,
    ])
    t.match({ code, stdout }, { code: 1, stdout: '' })
    t.match(stderr, /^weir top: limit is a number of rows from 1 to 1000\n$/)
  }
})
