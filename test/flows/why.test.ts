import { type Test, test } from 'tap'
import type { ToldAddress, ToldRefusal } from '../../src/control/why.ts'
import { adminSocket, askSocket } from '../support/admin-socket.ts'
import { named, startBackend } from '../support/backend.ts'
import { dial, ending, exchange, readAll } from '../support/client.ts'
import { sayName, startHttpBackend } from '../support/http-backend.ts'
import { type RunningWeir, runWeir, startWeir } from '../support/weir.ts'

interface Asking {
  readonly weir: RunningWeir
  readonly socket: string
  readonly why: (what: string, ...flags: string[]) => ReturnType<typeof runWeir>
}

async function http(t: Test, ...flags: string[]): Promise<Asking> {
  const backend = await startHttpBackend(t, sayName('served'))
  const socket = adminSocket(t)
  const weir = await startWeir(t, [
    ...['--listen', 'http://127.0.0.1:0', '--backend', backend.url, '--workers', '2'],
    ...['--admin-socket', socket, ...flags],
  ])
  return {
    weir,
    socket,
    why: (what, ...more) => runWeir(['why', what, '--admin-socket', socket, ...more]),
  }
}

/** @returns status and id of the answer */
async function get(port: number, from: string, ...fields: string[]): Promise<[number, string]> {
  const socket = await dial(port, { from })
  socket.write(
    `${['GET / HTTP/1.1', 'Host: a', 'Connection: close', ...fields].join('\r\n')}\r\n\r\n`,
  )
  const answer = (await readAll(socket)).toString()
  return [Number(answer.split(' ')[1]), /x-request-id: (\S+)/i.exec(answer)?.[1] ?? '']
}

test('a refused request is explained by its id: guard, key, tokens, flags', async t => {
  const { weir, why } = await http(t, '--request-rate', '0.1', '--request-burst', '2')
  const port = weir.ports[0]!
  await get(port, '127.0.0.2')
  await get(port, '127.0.0.2')
  const [status, id] = await get(port, '127.0.0.2')
  t.equal(status, 429)
  const told = await why(id)
  t.equal(told.code, 0, told.stderr)
  for (const line of [
    /^reason +request-rate \(refusal\): the address makes HTTP requests faster than --request-rate$/m,
    /^when +20\d\d-\d\d-\d\dT\S+Z, \d+s ago$/m,
    /^key +address 127\.0\.0\.2$/m,
    /^where +listener http:\/\/127\.0\.0\.1:0$/m,
    new RegExp(`^request +${id}$`, 'm'),
    /^answer +429, Retry-After: \d+$/m,
    /^ +request-rate: 0 of 2 left at 0\.1\/s, full in \d+s$/m,
    /^ +score [01] of 1000$/m,
    /^flags +--request-rate 0\.1\n +--request-burst 2$/m,
  ]) {
    t.match(told.stdout, line)
  }
  const json = JSON.parse((await why(id, '--json')).stdout) as { refusals: ToldRefusal[] }
  t.match(json.refusals, [{ reason: 'request-rate', status: 429, key: { kind: 'address' } }])
})

test('an address is told as it stands now, with its limits, refusals and ban', async t => {
  const flags = ['--request-rate', '1', '--request-burst', '1', '--ban-threshold', '10']
  const { weir, why, socket } = await http(t, ...flags, '--ban-exempt', '127.0.0.9')
  const port = weir.ports[0]!
  const open = await dial(port, { from: '127.0.0.2' })
  for (let i = 0; i < 3; i++) await get(port, '127.0.0.2')
  const before = await why('127.0.0.2')
  t.match(before.stdout, /^address +127\.0\.0\.2, counted as 127\.0\.0\.2$/m)
  t.match(before.stdout, /^standing +known(?:, of good record)?$/m)
  t.match(before.stdout, /^now +[1-9] of \d+ connections, 0 of \d+ requests at once$/m)
  t.match(before.stdout, /^ +request-rate: [01] of 1 left at 1\/s/m)
  t.match(before.stdout, /^flags +--deny none$/m)
  t.match(before.stdout, /^ +20\S+Z request-rate 429 http:\S+ [0-9a-f]{24}$/m)
  for (let i = 0; i < 100; i++) {
    if ((await get(port, '127.0.0.2').catch(() => [0]))[0] === 0) break
  }
  t.equal(await ending(port, { from: '127.0.0.2' }, 'x'), 'ECONNRESET')
  const after = await why('127.0.0.2')
  t.match(after.stdout, /^ +score 0 of 10, banned for (?:10m|9m \d+s)$/m)
  t.match(after.stdout, /^ban +127\.0\.0\.2 until 20\S+Z, by guard: request-rate; 1 in a row$/m)
  t.match(after.stdout, /^ +20\S+Z banned http/m, 'refused at the door as well')
  open.destroy()

  const other = await why('127.0.0.3')
  t.equal(other.code, 0)
  t.match(other.stdout, /^standing +not known/m)
  t.match(other.stdout, /^ +request-rate: 1 of 1 left at 1\/s, full$/m)
  t.match(other.stdout, /^refused +0 times within a minute$/m)
  t.match((await why('127.0.0.9')).stdout, /never banned/)
  const [, v6] = (await askSocket(socket, '/why?address=2001:db8::1')) as [number, ToldAddress]
  t.match(v6, { counted_as: '2001:db8::/64', is_known: false, now: { connections: 0 } })
})

test('what an address shares is told with it: its network, routes with budgets, the host', async t => {
  const { weir, why, socket } = await http(
    t,
    ...['--request-rate', '0.01', '--request-burst', '2', '--prefix-multiple', '2'],
    ...['--route-request-rate', '0.01', '--route-request-burst', '9'],
    ...['--route-address-rate', '0.01', '--route-address-burst', '6'],
    ...[
      '--host-handshake-rate',
      '10',
      '--host-handshake-burst',
      '20',
      '--connections-per-address',
      '50',
    ],
  )
  const port = weir.ports[0]!
  for (const from of ['127.0.5.1', '127.0.5.1', '127.0.5.2', '127.0.5.2']) {
    t.equal((await get(port, from))[0], 200)
  }
  const [status, id] = await get(port, '127.0.5.3')
  t.equal(status, 429)
  const refused = await why(id)
  t.match(refused.stdout, /^reason +prefix-request-rate /m)
  t.match(refused.stdout, /^key +prefix 127\.0\.5\.0\/24$/m)
  t.match(
    refused.stdout,
    /^network +127\.0\.5\.0\/24 now: \d+ of 100 connections, \d+ of \d+ requests/m,
  )
  t.match(
    refused.stdout,
    /^network.*\n(?: .*\n)* +request-rate: 0 of 4 left at 0\.02\/s, full in /m,
  )
  t.match(refused.stdout, /^flags +--prefix-multiple 2$/m)
  t.notMatch(refused.stdout, /^host/m, 'what it was not refused for is not told')

  const { stdout } = await why('127.0.5.1')
  t.match(stdout, /^network +127\.0\.5\.0\/24 now: /m)
  t.match(stdout, /^route +\S+ now: route-request-rate: 5 of 9 left at 0\.01\/s, full in /m)
  t.match(stdout, /^ +\S+ now: route-address-rate: 4 of 6 left at 0\.01\/s, full in /m)
  t.match(
    stdout,
    /^host +now: host-handshake-rate: 20 of 20 left at 10\/s, full, 10 for strangers$/m,
  )
  const [, other] = (await askSocket(socket, '/why?address=127.0.6.1')) as [number, ToldAddress]
  t.match(other.shared_now.network, { cidr: '127.0.6.0/24', is_known: false })
  t.match((await why('127.0.5.3')).stdout, /^scores +\d+ then, the newest first$/m)
})

test('connections that are refused have no id, and are found by their address', async t => {
  const backend = await startBackend(t, named('served'))
  const socket = adminSocket(t)
  const weir = await startWeir(t, [
    ...['--listen', 'tcp://127.0.0.1:0', '--backend', backend.url, '--workers', '2'],
    ...['--admin-socket', socket, '--connection-rate', '0.1', '--connection-burst', '1'],
    ...['--deny', '127.0.0.7'],
  ])
  const port = weir.ports[0]!
  t.equal(await exchange(await dial(port, { from: '127.0.0.2' }), 'x'), 'served')
  t.equal(await ending(port, { from: '127.0.0.2' }, 'x'), 'ECONNRESET')
  t.equal(await ending(port, { from: '127.0.0.7' }, 'x'), 'ECONNRESET')
  const [, told] = (await askSocket(socket, '/why?address=127.0.0.2')) as [number, ToldAddress]
  t.match(told.refusals, [
    {
      reason: 'connection-rate',
      key: { kind: 'address', value: '127.0.0.2' },
      state: { buckets: [{ limit: 'connection-rate', left: 0, burst: 1 }] },
      flags: [
        { flag: 'connection-rate', value: '0.1' },
        { flag: 'connection-burst', value: '1' },
      ],
    },
  ])
  t.equal(told.refused_lately, 1)
  const [, denied] = (await askSocket(socket, '/why?address=127.0.0.7')) as [number, ToldAddress]
  t.match(denied, { is_denied: true, refusals: [{ reason: 'denied' }] })
})

test('faults are explained as well, and the id of a trusted proxy is good for it', async t => {
  const socket = adminSocket(t)
  const weir = await startWeir(t, [
    ...['--listen', 'http://127.0.0.1:0', '--backend', 'http://127.0.0.1:1', '--workers', '1'],
    ...['--probe', 'none', '--forwarded-from', '127.0.0.2', '--admin-socket', socket],
  ])
  const id = '../a.b~c=@+/_:-'
  const fields = [`X-Request-Id: ${id}`, 'X-Forwarded-For: 198.51.100.7']
  const [status] = await get(weir.ports[0]!, '127.0.0.2', ...fields)
  t.equal(status, 502)
  const { stdout } = await runWeir(['why', id, '--admin-socket', socket])
  t.match(stdout, /^reason +connect-failed \(fault\)/m)
  t.match(stdout, /^client +198\.51\.100\.7$/m)
  t.match(stdout, /^key +host this host$/m)
})

test('an id that is not known says so, and how far back it would be; odd ones harm nobody', async t => {
  const { weir, why, socket } = await http(t)
  const missing = await why('nope')
  t.equal(missing.code, 1)
  t.equal(missing.stdout, '')
  t.match(
    missing.stderr,
    /^weir why: no refusal of that request is known; all are remembered since weir started, 20/,
  )
  t.match(await why(''), { code: 1, stderr: /1 to 128 characters/ })
  t.match(await why('x'.repeat(129)), { code: 1, stderr: /1 to 128 characters/ })
  t.match(await runWeir(['why']), { code: 2 })
  for (const odd of [
    '\u001b[31mred\u0007',
    '%00%zz',
    '\ud800',
    '\u009b2J',
    'a b&id=c#d',
    '1.2.3.400',
    '::1::',
  ]) {
    const { code, stdout, stderr } = await why(odd)
    t.match({ code, stdout }, { code: 1, stdout: '' })
    t.match(stderr, /^[ -~]+\n$/, 'nothing but visible ASCII')
  }
  for (const [path, status] of [
    ['/why', 400],
    ['/why?id=a&address=1.2.3.4', 400],
    ['/why?id=', 400],
    ['/why?address=', 400],
    ['/why?address=1.2.3.4%0d%0aX', 400],
    [`/why?id=${'%41'.repeat(2000)}`, 400],
    ['/why?id=%ff%fe', 404],
  ] as const) {
    t.equal((await askSocket(socket, path))[0], status, path.slice(0, 40))
  }
  t.equal((await weir.admin('/healthz')).status, 200)
  t.match(await runWeir(['why', 'x', '--admin-socket', '/nowhere/s']), {
    code: 1,
    stderr: /^weir why: no weir listens at/,
  })
})
