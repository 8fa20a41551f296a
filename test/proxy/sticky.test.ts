import { test } from 'tap'
import { RequestHead } from '../../src/codec/http1/request-head.ts'
import type { PoolConfig } from '../../src/config/config.ts'
import { NO_WISH, Sticky } from '../../src/proxy/sticky.ts'

const SECRET = Buffer.alloc(32, 7)

function sticky({ pool = 'web', secret = SECRET, maxAge = 0, first = 5 } = {}): Sticky {
  const backends = ['a:1', 'b:1', 'c:1'].map(name => ({ name }))
  const config = { name: pool, backends } as unknown as PoolConfig
  return new Sticky(config, { cookie: 'SRV', maxAge }, first, secret)
}

/** The token in the line for a backend. */
function token(of: Sticky, backend: number): string {
  return /^Set-Cookie: SRV=([^;]*);/.exec(of.line(backend, false))![1]!
}

function head(...cookies: string[]): RequestHead {
  const bytes = Buffer.from(
    `GET / HTTP/1.1\r\nHost: a\r\n${cookies.map(each => `Cookie: ${each}\r\n`).join('')}\r\n`,
    'latin1',
  )
  const read = new RequestHead()
  if (read.parse(bytes, 0, bytes.length, 0) !== 0) throw new Error('no head')
  return read
}

test('the token of a backend is a hash of 144 bits, of pool and name, under the secret', async t => {
  const it = sticky()
  t.match(token(it, 5), /^[A-Za-z0-9_-]{24}$/)
  t.equal(token(it, 5), token(sticky(), 5), 'the same for every worker and host')
  const others = [
    token(it, 6),
    token(it, 7),
    token(sticky({ pool: 'api' }), 5),
    token(sticky({ secret: Buffer.alloc(32, 8) }), 5),
  ]
  t.equal(new Set([token(it, 5), ...others]).size, 5)
})

test('the line says all a browser needs, Secure over https, Max-Age where there is one', async t => {
  const it = sticky({ maxAge: 3600 })
  const value = token(it, 6)
  t.equal(
    it.line(6, true),
    `Set-Cookie: SRV=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600; Secure\r\n`,
  )
  t.equal(sticky().line(6, false), `Set-Cookie: SRV=${value}; Path=/; HttpOnly; SameSite=Lax\r\n`)
})

test('a cookie is found wherever it stands, and only a known one', async t => {
  const it = sticky()
  const b = token(it, 6)
  for (const cookies of [
    [`SRV=${b}`],
    [`x=1; SRV=${b}; y=2`],
    [`x=1;SRV=${b}`],
    [`x=1;\t SRV=${b} ; y`],
    ['x=1', `SRV=${b}`],
    [`SRV=stale; SRV=${b}`],
    [`SRV=${'A'.repeat(24)}`, `SRV=${b}`],
    [`;;=;SRV=${b};`],
  ]) {
    t.equal(it.find(head(...cookies)), 6, cookies.join(' | '))
  }
  for (const cookies of [
    [],
    [''],
    ['SRV='],
    ['SRV'],
    [`srv=${b}`],
    [`XSRV=${b}`],
    [`SRV2=${b}`],
    [`SRV =${b}`],
    [`SRV="${b}"`],
    [`SRV=${b.slice(1)}`],
    [`SRV=${b}A`],
    [`SRV=${b.toLowerCase()}`],
    [`x=SRV=${b}`],
    [`SRV=${token(sticky({ pool: 'api' }), 6)}`],
    ['SRV=__proto__constructor_toStr'],
  ]) {
    t.equal(it.find(head(...cookies)), NO_WISH, cookies.join(' | '))
  }
})

test('ours is left out of what the backend gets, the others stay in their order', async t => {
  const it = sticky()
  for (const [value, left] of [
    ['x=1', 'x=1'],
    ['SRV=abc', ''],
    ['SRV=abc;', ''],
    ['SRV=abc; x=1', 'x=1'],
    ['x=1; SRV=abc', 'x=1'],
    ['x=1;SRV=abc;y=2', 'x=1; y=2'],
    ['SRV=1; SRV=2; x=SRV=3', 'x=SRV=3'],
    ['XSRV=1; SRVX=2; SRV', 'XSRV=1; SRVX=2; SRV'],
    ['', ''],
  ] as const) {
    t.equal(it.without(value), left, value)
  }
})

test('the longest Cookie a head may hold is read in a few milliseconds, whatever is in it', async t => {
  const it = sticky()
  const fills = [';', ' ', 'SRV=;', `SRV=${'A'.repeat(24)};`, 'SRV', 'x=1;', '\t;SRV=']
  for (const fill of fills) {
    const value = fill.repeat(Math.floor(16_000 / fill.length))
    const before = performance.now()
    for (let i = 0; i < 20; i++) {
      it.find(head(value))
      it.without(value)
    }
    const ms = (performance.now() - before) / 20
    t.ok(ms < 20, `${JSON.stringify(fill)}: ${ms.toFixed(2)} ms`)
  }
})
