import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'tap'
import { testAuthority } from '../support/certificates.ts'
import { runWeir } from '../support/weir.ts'

const GOOD = ['--listen', 'tcp://127.0.0.1:0', '--backend', 'tcp://127.0.0.1:9', '--admin', 'off']

test('what cannot be started says which flag, which value and what to do, with exit code 2', async t => {
  const cases: [string, string[], RegExp][] = [
    [
      'unknown flag',
      ['--conection-rate', '5'],
      /unknown flag --conection-rate; did you mean --connection-rate\?/,
    ],
    ['zero workers', ['--workers', '0'], /--workers: "0" is out of range; allowed are 1 to 64/],
    ['negative', ['--connection-burst=-1'], /--connection-burst: "-1" is no whole number/],
    [
      'absurd',
      ['--connect-timeout', '5000'],
      /allowed are 50ms to 5m; a bare number is seconds, 5000ms/,
    ],
    ['CIDR', ['--deny', '10.0.0.300'], /--deny: "10.0.0.300" is no address or network/],
    ['host bits', ['--deny', '10.0.0.1/8'], /--deny: .*write 10\.0\.0\.0\/8/],
    ['choice', ['--balance', 'least-conections'], /--balance: .*did you mean least-connections\?/],
    [
      'backend',
      ['--backend', 'tcp://127.0.0.1:8?wieght=2'],
      /--backend: .*unknown parameter wieght; did you mean weight\?/,
    ],
    ['twice', ['--workers', '1', '--workers', '2'], /--workers: is given 2 times/],
    [
      'descriptors',
      ['--connections-max', '9M'],
      /--connections-max: 9000000 connections need \d+ descriptors, the limit is \d+; raise it/,
    ],
    [
      'unresolvable',
      ['--backend', 'tcp://no-such-host.invalid:1'],
      /--backend: no-such-host\.invalid does not resolve/,
    ],
    [
      'no certificate',
      ['--listen', 'tls://127.0.0.1:0'],
      /--cert: a tls:\/\/ or https:\/\/ listener needs a certificate/,
    ],
    ['missing file', ['--cert', '/nonexistent.pem'], /--cert: \/nonexistent\.pem does not exist/],
    [
      'missing config',
      ['--config', '/nonexistent.yaml'],
      /--config: \/nonexistent\.yaml does not exist/,
    ],
  ]
  for (const [name, flags, message] of cases) {
    const { code, stderr } = await runWeir([...GOOD, ...flags])
    t.equal(code, 2, name)
    t.match(stderr, message, name)
  }
})

test('a limit of descriptors that is too low for anything says which would do', async t => {
  const cli = new URL('../../src/cli.ts', import.meta.url).pathname
  const shell = 'ulimit -n 200; exec "$0" "$@"'
  const args = ['-c', shell, process.execPath, cli, 'check', ...GOOD, '--workers', '1']
  const { status, stderr } = spawnSync('sh', args, { encoding: 'utf8' })
  t.equal(status, 2)
  t.match(
    stderr,
    /--connections-max: the limit of 200 descriptors is too low for any; raise it to 386/,
  )
})

test('the admin port and a listener on one port are told apart from a port in use', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  server.close()
  await once(server, 'close')
  const { code, stderr } = await runWeir([
    ...['--listen', `tcp://[::]:${port}`, '--backend', 'tcp://127.0.0.1:9'],
    ...['--admin', `127.0.0.1:${port}`],
  ])
  t.equal(code, 2)
  t.match(stderr, /--admin: 127\.0\.0\.1:\d+ is what tcp:.* listens on; choose another port/)
})

test('all problems are told at once', async t => {
  const { code, stderr } = await runWeir(['--workers', 'x', '--idle-timeout', 'y'], {
    WEIR_BALANCE: 'z',
    WEIR_WORKER: '2',
  })
  t.equal(code, 2)
  for (const where of [
    '--workers',
    '--idle-timeout',
    'WEIR_BALANCE',
    'WEIR_WORKER',
    '--listen',
    '--backend',
  ]) {
    t.match(stderr, `  ${where}: `, where)
  }
})

test('a config file is told of by line and column', async t => {
  const file = join(t.testdir(), 'weir.yaml')
  writeFileSync(
    file,
    'listen: tcp://127.0.0.1:0\nbackend: tcp://127.0.0.1:9\nworkrs: 2\nprobe-rise: none\n',
  )
  const { code, stderr } = await runWeir(['--config', file])
  t.equal(code, 2)
  t.match(stderr, /weir\.yaml:3:\d+ workrs: unknown key workrs; did you mean workers\?/)
})

test('a key that does not fit its certificate is refused', async t => {
  const ca = testAuthority(t)
  const [a, b] = [ca.issue('a', ['a.test']), ca.issue('b', ['b.test'])]
  const { code, stderr } = await runWeir([...GOOD, '--cert', a.cert, '--key', b.key])
  t.equal(code, 2)
  t.match(stderr, /--cert: .*does not match/)
})

test('a port that is in use is refused, even by another weir', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const { code, stderr } = await runWeir([...GOOD, '--listen', `tcp://127.0.0.1:${port}`])
  server.close()
  t.equal(code, 2)
  t.match(stderr, /is in use; stop the other program/)
})

test('check prints what check reads back to the same', async t => {
  const flags = [
    ...GOOD,
    '--balance',
    'source-hash',
    '--deny',
    '10.0.0.0/8',
    '--idle-timeout',
    '90s',
  ]
  const first = await runWeir(['check', ...flags])
  t.equal(first.code, 0)
  const file = join(t.testdir(), 'weir.yaml')
  writeFileSync(file, first.stdout)
  const second = await runWeir(['check', '--config', file])
  t.equal(second.stdout, first.stdout)
  const third = await runWeir(['check', '--config', file, '--balance', 'round-robin'], {
    WEIR_BALANCE: 'source-hash',
    WEIR_PROBE_RISE: '7',
  })
  t.match(third.stdout, /probe-rise: 7/, 'environment over file')
  t.match(third.stdout, /balance: round-robin/, 'flag over environment')
})
