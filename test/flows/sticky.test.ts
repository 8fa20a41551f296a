import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { testAuthority } from '../support/certificates.ts'
import { dial, dialTls, readAll } from '../support/client.ts'
import { type HttpBackend, sayName, startHttpBackend } from '../support/http-backend.ts'
import { runWeir, startWeir, withoutLimits } from '../support/weir.ts'

const COMMON = ['--request-rate', '0', '--probe-interval', '100ms', '--sticky', 'SRV']

interface Answer {
  readonly body: string
  /** The whole Set-Cookie field; '' if there is none. */
  readonly line: string
  /** What to send back. */
  readonly cookie: string
}

async function three(t: Test): Promise<HttpBackend[]> {
  return await Promise.all(['a', 'b', 'c'].map(async name => startHttpBackend(t, sayName(name))))
}

async function start(t: Test, urls: readonly string[], ...flags: string[]) {
  const backends = urls.flatMap(url => ['--backend', url])
  const listen = ['--listen', 'http://127.0.0.1:0', '--workers', '2']
  return await startWeir(t, withoutLimits(...listen, ...COMMON, ...backends, ...flags))
}

async function ask(port: number, ...cookies: string[]): Promise<Answer> {
  const socket = await dial(port)
  const fields = cookies.map(each => `Cookie: ${each}\r\n`).join('')
  socket.write(`GET / HTTP/1.1\r\nHost: a\r\n${fields}Connection: close\r\n\r\n`)
  const text = (await readAll(socket)).toString()
  const line = /^Set-Cookie: (.*)\r$/m.exec(text)?.[1] ?? ''
  const body = text.slice(text.indexOf('\r\n\r\n') + 4)
  return { body, line, cookie: line.split(';', 1)[0]! }
}

test('a client stays with its backend over connections, workers and requests', async t => {
  const backends = await three(t)
  const weir = await start(
    t,
    backends.map(({ url }) => url),
  )
  const port = weir.ports[0]!
  const first = await ask(port)
  t.match(first.line, /^SRV=[A-Za-z0-9_-]{24}; Path=\/; HttpOnly; SameSite=Lax$/)
  const seen = new Set<string>()
  for (let i = 0; i < 30; i++) {
    const again = await ask(port, first.cookie)
    t.strictSame(again, { body: first.body, line: '', cookie: '' }, 'and no cookie anew')
    seen.add((await ask(port)).body)
  }
  t.equal(seen.size, 3, 'others are balanced')
})

test('the backend does not see the cookie, and sees all others', async t => {
  const backends = await three(t)
  const weir = await start(
    t,
    backends.map(({ url }) => url),
  )
  const port = weir.ports[0]!
  const { cookie, body } = await ask(port)
  const backend = backends[['a', 'b', 'c'].indexOf(body)]!
  for (const [sent, got] of [
    [[cookie], undefined],
    [[`x=1; ${cookie}; y=2`], 'x=1; y=2'],
    [['x=1', `${cookie};y=2`], 'x=1; y=2'],
    [['SRV=forged; z=3', cookie], 'z=3'],
  ] as const) {
    t.equal((await ask(port, ...sent)).body, body)
    t.equal(backend.seen.at(-1)!.headers.cookie, got, sent.join(' | '))
  }
})

test('a forged or foreign cookie is replaced, and chooses nothing', async t => {
  const backends = await three(t)
  const urls = backends.map(({ url }) => url)
  const weir = await start(t, urls)
  const other = await start(t, urls)
  const foreign = (await ask(other.ports[0]!)).cookie
  const seen = new Set<string>()
  for (const forged of ['SRV=', 'SRV=a', `SRV=${'A'.repeat(24)}`, foreign]) {
    for (let i = 0; i < 6; i++) {
      const answer = await ask(weir.ports[0]!, forged)
      t.match(answer.cookie, /^SRV=.{24}$/)
      t.not(answer.cookie, forged)
      seen.add(answer.body)
    }
  }
  t.equal(seen.size, 3)
})

test('hosts with one secret know the cookies of each other', async t => {
  const backends = await three(t)
  const urls = backends.map(({ url }) => url)
  const secret = join(t.testdir(), 'secret')
  writeFileSync(secret, Buffer.alloc(32, 9))
  const one = await start(t, urls, '--sticky-secret', secret)
  const two = await start(t, urls, '--sticky-secret', secret)
  const first = await ask(one.ports[0]!)
  for (let i = 0; i < 6; i++) {
    t.strictSame(await ask(two.ports[0]!, first.cookie), { body: first.body, line: '', cookie: '' })
  }
})

test('a backend that is gone is replaced with a new cookie; one that drains keeps its clients', async t => {
  const backends = await three(t)
  const urls = backends.map(({ url }) => url)
  const secret = join(t.testdir(), 'secret')
  writeFileSync(secret, Buffer.alloc(32, 9))
  const flags = ['--sticky-secret', secret]
  const weir = await start(t, urls, ...flags)
  const first = await ask(weir.ports[0]!)
  const at = ['a', 'b', 'c'].indexOf(first.body)

  const draining = urls.map((url, i) => (i === at ? `${url}?drain` : url))
  const drained = await start(t, draining, ...flags)
  t.strictSame(await ask(drained.ports[0]!, first.cookie), {
    body: first.body,
    line: '',
    cookie: '',
  })
  for (let i = 0; i < 9; i++) t.not((await ask(drained.ports[0]!)).body, first.body)

  await backends[at]!.kill()
  const moved = await ask(weir.ports[0]!, first.cookie)
  t.not(moved.body, first.body, 'at once, before any probe')
  t.match(moved.cookie, /^SRV=/)
  await weir.line(({ msg }) => msg === 'backend is down', 'down')
  for (let i = 0; i < 6; i++) {
    t.strictSame(await ask(weir.ports[0]!, moved.cookie), {
      body: moved.body,
      line: '',
      cookie: '',
    })
  }
})

test('over https the cookie is Secure, and has its Max-Age', async t => {
  const [backend] = await three(t)
  const ca = testAuthority(t)
  const { cert, key } = ca.issue('a', ['localhost'])
  const weir = await startWeir(
    t,
    withoutLimits(
      ...['--listen', 'https://127.0.0.1:0', '--cert', cert, '--key', key],
      ...[...COMMON, '--backend', backend!.url, '--sticky-ttl', '2h'],
    ),
  )
  const socket = await dialTls(weir.ports[0]!, { ca: ca.pem })
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  t.match(
    (await readAll(socket)).toString(),
    /\r\nSet-Cookie: SRV=.{24}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=7200; Secure\r\n/,
  )
})

test('a name that is none, and a secret that is too short, are refused at start', async t => {
  const short = join(t.testdir(), 'short')
  writeFileSync(short, 'secret')
  const flags = ['--listen', 'http://127.0.0.1:0', '--backend', 'http://127.0.0.1:1']
  for (const name of ['a b', 'a=b', 'a;b', 'ä', 'a"b', 'x'.repeat(65)]) {
    const { code, stderr } = await runWeir(['check', ...flags, '--sticky', name])
    t.equal(code, 2)
    t.match(stderr, `--sticky: ${JSON.stringify(name)} is no cookie name`)
  }
  const { code, stderr } = await runWeir([
    'check',
    ...flags,
    ...['--sticky', 'S', '--sticky-secret', short],
  ])
  t.equal(code, 2)
  t.match(stderr, `--sticky-secret: ${short} holds 6 bytes, at least 32 are needed`)
})
