import type { IncomingMessage } from 'node:http'
import { type Test, t as root, test } from 'tap'
import { dial, readAll } from '../support/client.ts'
import { type HttpBackend, sayName, startHttpBackend } from '../support/http-backend.ts'
import { until } from '../support/until.ts'
import { type RunningWeir, startWeir, withoutLimits } from '../support/weir.ts'

const LISTEN = ['--listen', 'http://127.0.0.1:0', '--workers', '1']
/** The proxies in front. */
const TRUST = ['--forwarded-from', '127.0.0.2', '--forwarded-from', '127.0.0.3,2001:db8:aaaa::/48']
const PROXY = '127.0.0.2'

async function start(t: Test, ...flags: string[]) {
  const backend = await startHttpBackend(t, sayName('b'))
  const common = withoutLimits(...LISTEN, '--backend', backend.url, '--request-rate', '0')
  return { backend, weir: await startWeir(t, [...common, ...flags]) }
}

/** For tests that need no more than that: a start takes its time on a busy machine. */
const trusting = await start(root, ...TRUST)

/** One request with those fields. @returns the whole answer */
async function ask(weir: RunningWeir, fields: readonly string[], from = '127.0.0.1') {
  const socket = await dial(weir.ports[0]!, { from })
  const lines = ['GET /x HTTP/1.1', 'Host: a.test', 'Connection: close', ...fields, '', '']
  socket.write(lines.join('\r\n'), 'latin1')
  const answer = (await readAll(socket)).toString('latin1')
  socket.destroy()
  return answer
}

type Told = Record<string, string[] | undefined>

/** What the backend got, by lower-case name, each field by itself. */
function told({ rawHeaders }: IncomingMessage): Told {
  const fields: Record<string, string[]> = {}
  for (let i = 0; i < rawHeaders.length; i += 2) {
    ;(fields[rawHeaders[i]!.toLowerCase()] ??= []).push(rawHeaders[i + 1]!)
  }
  return fields
}

async function askAndTell(
  { weir, backend }: { weir: RunningWeir; backend: HttpBackend },
  fields: readonly string[],
  from?: string,
): Promise<Told> {
  const before = backend.seen.length
  const answer = await ask(weir, fields, from)
  if (!answer.startsWith('HTTP/1.1 200 ')) throw new Error(answer)
  return told(backend.seen[before]!)
}

const LIES = [
  'X-Forwarded-For: 6.6.6.6, 127.0.0.3',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: evil.test',
  'X-Forwarded-Port: 666',
  'X-Real-IP: 6.6.6.6',
  'Forwarded: for=6.6.6.6;proto=https;host=evil.test',
  'X-Request-Id: mine',
  'X-Weir-Subject: root',
]
const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = `00-${TRACE}-b7ad6b7169203331-01`

test('nobody but a proxy that the operator names says who asks', async t => {
  const it = trusting
  const fields = await askAndTell(it, LIES)
  const id = fields['x-request-id']?.[0]
  t.match(fields, {
    'x-forwarded-for': ['127.0.0.1'],
    'x-forwarded-proto': ['http'],
    'x-forwarded-host': ['a.test'],
    forwarded: ['for=127.0.0.1;proto=http;host=a.test'],
    'x-request-id': [/^[0-9a-f]{24}$/],
    via: ['1.1 weir'],
  })
  for (const name of ['x-forwarded-port', 'x-real-ip', 'x-weir-subject']) {
    t.equal(fields[name], undefined, name)
  }
  const line = await it.weir.line(({ request }) => request === id, 'of the request')
  t.match(line, { client: '127.0.0.1' })
  t.equal(line['peer'], undefined)
})

test('the chain of a trusted proxy goes on, and names the client from the right', async t => {
  const it = trusting
  const cases: [string[], string, Told][] = [
    [
      ['X-Forwarded-For: 6.6.6.6, 192.0.2.1, 127.0.0.3', 'X-Forwarded-Proto: https'],
      '192.0.2.1',
      {
        'x-forwarded-for': ['6.6.6.6, 192.0.2.1, 127.0.0.3, 127.0.0.2'],
        'x-forwarded-proto': ['https'],
        'x-forwarded-host': ['a.test'],
        forwarded: ['for=192.0.2.1;proto=https, for=127.0.0.2;proto=http;host=a.test'],
      },
    ],
    [
      ['Forwarded: for=6.6.6.6, For="[2001:DB8::17]:4711";proto=https', 'Forwarded: for=127.0.0.3'],
      '2001:db8::17',
      {
        'x-forwarded-for': ['2001:db8::17, 127.0.0.2'],
        'x-forwarded-proto': ['http'],
        forwarded: [
          'for=6.6.6.6, For="[2001:DB8::17]:4711";proto=https, for=127.0.0.3, ' +
            'for=127.0.0.2;proto=http;host=a.test',
        ],
      },
    ],
    [
      ['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: [2001:db8::2]:80', 'X-Real-IP: 192.0.2.9'],
      '2001:db8::2',
      {
        'x-forwarded-for': ['6.6.6.6, [2001:db8::2]:80, 127.0.0.2'],
        'x-real-ip': ['192.0.2.9'],
        forwarded: ['for="[2001:db8::2]", for=127.0.0.2;proto=http;host=a.test'],
      },
    ],
    [['X-Forwarded-For: 6.6.6.6, unknown'], PROXY, { 'x-real-ip': undefined }],
    [['Forwarded: for=6.6.6.6, for=_hidden;by=_x'], PROXY, { 'x-forwarded-for': [PROXY] }],
    [[], PROXY, { 'x-forwarded-for': [PROXY], forwarded: [/^for=127\.0\.0\.2;/ as never] }],
  ]
  for (const [i, [fields, client, expected]] of cases.entries()) {
    const id = `chain-${i}`
    t.match(await askAndTell(it, [...fields, `X-Request-Id: ${id}`], PROXY), expected, id)
    const line = await it.weir.line(({ request }) => request === id, `of ${id}`)
    t.equal(line['client'], client, fields.join())
    t.equal(line['peer'], client === PROXY ? undefined : PROXY, fields.join())
  }
})

test('of chains that are malformed or contradict each other none goes on', async t => {
  const it = trusting
  const cases = [
    ['X-Forwarded-For: 192.0.2.1', 'Forwarded: for=6.6.6.6'],
    ['X-Forwarded-For: 192.0.2.1', 'Forwarded: for=_hidden'],
    ['Forwarded: for="6.6.6.6', 'Forwarded: for=192.0.2.1'],
    ['Forwarded: for=6.6.6.6;for=192.0.2.1'],
    ['Forwarded: for=2001:db8::1'],
  ]
  for (const [i, fields] of cases.entries()) {
    const all = [...fields, 'X-Real-IP: 6.6.6.6', `X-Request-Id: doubtful-${i}`]
    const got = await askAndTell(it, all, PROXY)
    t.strictSame(got['x-forwarded-for'], [PROXY], fields.join())
    t.strictSame(got['forwarded'], ['for=127.0.0.2;proto=http;host=a.test'])
    t.equal(got['x-real-ip'], undefined)
    const line = await it.weir.line(({ request }) => request === `doubtful-${i}`, fields.join())
    t.equal(line['client'], PROXY)
  }
  await it.weir.metricIs('weir_forwarded_doubtful_total', {}, cases.length)
})

test('the form that the proxies do not write themselves is the word of a client', async t => {
  const it = await start(t, ...TRUST, '--forwarded-read', 'x-forwarded')
  const fields = ['X-Forwarded-For: 6.6.6.6, 192.0.2.1', 'Forwarded: for=7.7.7.7', 'Forwarded: "']
  const got = await askAndTell(it, fields, PROXY)
  t.strictSame(got['x-forwarded-for'], ['6.6.6.6, 192.0.2.1, 127.0.0.2'])
  t.strictSame(got['forwarded'], ['for=192.0.2.1, for=127.0.0.2;proto=http;host=a.test'])
  await it.weir.line(({ client }) => client === '192.0.2.1', 'of the client')
})

test('one form only is sent where one is asked for', async t => {
  const forwarded = await start(t, ...TRUST, '--forwarded-fields', 'forwarded')
  const got = await askAndTell(forwarded, ['X-Forwarded-For: 192.0.2.1'], PROXY)
  t.strictSame(
    Object.keys(got).filter(name => /forwarded/.test(name)),
    ['forwarded'],
  )
  t.strictSame(got['forwarded'], ['for=192.0.2.1, for=127.0.0.2;proto=http;host=a.test'])
  const x = await start(t, ...TRUST, '--forwarded-fields', 'x-forwarded')
  t.equal((await askAndTell(x, ['Forwarded: for=192.0.2.1'], PROXY))['forwarded'], undefined)
})

test('Connection takes away nothing that says who asks or what it may', async t => {
  const it = trusting
  const kept = [
    'Authorization: Basic x',
    'Cookie: a=1',
    'X-Forwarded-For: 192.0.2.1',
    'X-Forwarded-Port: 81',
    'X-Request-Id: mine',
    `traceparent: ${PARENT}`,
  ]
  const named =
    'Connection: close, Host, Authorization, Cookie, Forwarded, X-Forwarded-For, X-Forwarded-Proto, ' +
    'X-Forwarded-Host, X-Forwarded-Port, X-Request-Id, traceparent, Via, X-Mine'
  const fromProxy = await askAndTell(it, [...kept, named, 'X-Mine: 1'], PROXY)
  t.match(fromProxy, {
    host: ['a.test'],
    authorization: ['Basic x'],
    cookie: ['a=1'],
    'x-forwarded-for': ['192.0.2.1, 127.0.0.2'],
    'x-forwarded-port': ['81'],
    'x-forwarded-proto': ['http'],
    'x-forwarded-host': ['a.test'],
    forwarded: ['for=192.0.2.1, for=127.0.0.2;proto=http;host=a.test'],
    'x-request-id': ['mine'],
    traceparent: [new RegExp(TRACE) as never],
    via: ['1.1 weir'],
  })
  t.equal(fromProxy['x-mine'], undefined)
  const fromAnybody = await askAndTell(it, [...kept, named])
  t.match(fromAnybody, {
    host: ['a.test'],
    authorization: ['Basic x'],
    'x-forwarded-for': ['127.0.0.1'],
    forwarded: ['for=127.0.0.1;proto=http;host=a.test'],
  })
})

test('twins with an underscore, and Proxy, are dropped whoever sends them', async t => {
  const it = trusting
  const twins = [
    'X_Forwarded_For: 6.6.6.6',
    'X_FORWARDED-PROTO: https',
    'X_Real_IP: 6.6.6.6',
    'x_request_id: mine',
    'X_Weir_Subject: root',
    'Proxy: http://evil.test',
    'X.Forwarded.For: 6.6.6.6',
  ]
  for (const from of ['127.0.0.1', PROXY]) {
    const got = await askAndTell(it, [...twins, 'X-Fine: 1'], from)
    t.strictSame(got['x-fine'], ['1'])
    t.notMatch(JSON.stringify(got), /evil|6\.6\.6\.6|mine|root|_/, from)
    t.strictSame(got['x-forwarded-for'], [from])
  }
})

test('a trace goes on for trusted proxies, and begins for others', async t => {
  const trace = [`traceparent: ${PARENT}`, 'tracestate: a=1', 'tracestate: b=2']
  const it = trusting
  const trusted = await askAndTell(it, trace, PROXY)
  t.match(trusted['traceparent']?.[0], new RegExp(`^00-${TRACE}-(?!b7ad6b7169203331).{16}-01$`))
  t.strictSame(trusted['tracestate'], ['a=1, b=2'])
  const anybody = await askAndTell(it, trace)
  t.match(anybody['traceparent']?.[0], /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  t.notMatch(anybody['traceparent']?.[0], TRACE)
  t.equal(anybody['tracestate'], undefined)
  const broken = await askAndTell(it, ['traceparent: 00-x', 'tracestate: a=1'], PROXY)
  t.match(broken['traceparent']?.[0], /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  t.equal(broken['tracestate'], undefined)

  const all = await start(t, '--traceparent', 'continue')
  t.match((await askAndTell(all, trace))['traceparent']?.[0], TRACE)
  const off = await start(t, '--traceparent', 'off')
  t.match(await askAndTell(off, trace), { traceparent: [PARENT], tracestate: ['a=1', 'b=2'] })
  t.equal((await askAndTell(off, []))['traceparent'], undefined)
})

test('a trusted proxy gives the request its id, if it is harmless', async t => {
  const it = trusting
  for (const [id, kept] of [
    ['4bf92f35-77b3:4da/6=a3+ce@9_2~9', true],
    ['a"b', false],
    ['x'.repeat(129), false],
  ] as const) {
    const got = await askAndTell(it, [`X-Request-Id: ${id}`], PROXY)
    t.equal(got['x-request-id']?.[0] === id, kept, id)
    t.equal(got['x-request-id']?.length, 1)
  }
  const { answer } = it.backend
  it.backend.answer = (_, response) => response.socket?.destroy()
  const refused = await ask(it.weir, ['X-Request-Id: from-proxy'], PROXY)
  it.backend.answer = answer
  t.match(refused, /^HTTP\/1\.1 502 .*\r\nX-Request-Id: from-proxy\r\n/s)
})

test('the rate is of the client behind the proxies, whichever it came through', async t => {
  const backend = await startHttpBackend(t, sayName('b'))
  const flags = ['--backend', backend.url, '--request-rate', '0.02', '--request-burst', '2']
  const weir = await startWeir(t, withoutLimits(...LISTEN, ...TRUST, ...flags))
  const statusOf = async (client: string, from: string): Promise<string> => {
    const answer = await ask(weir, client === '' ? [] : [client], from)
    if (answer.startsWith('HTTP/1.1 429')) t.match(answer, /\r\nRetry-After: (?:4[5-9]|50)\r\n/)
    return answer.slice(9, 12)
  }
  const one = 'X-Forwarded-For: 6.6.6.6, 192.0.2.1'
  t.equal(await statusOf(one, '127.0.0.2'), '200')
  t.equal(await statusOf('X-Forwarded-For: 7.7.7.7, 192.0.2.1', '127.0.0.3'), '200')
  t.equal(await statusOf('Forwarded: for=192.0.2.1', '127.0.0.2'), '429')
  t.equal(await statusOf(one, '127.0.0.3'), '429')
  t.equal(await statusOf('X-Forwarded-For: 192.0.2.2', '127.0.0.2'), '200')
  t.equal(await statusOf('', '127.0.0.2'), '200', 'the proxy itself')
  // IPv6 counts by /64.
  t.equal(await statusOf('X-Forwarded-For: 2001:db8::1', '127.0.0.2'), '200')
  t.equal(await statusOf('Forwarded: for="[2001:db8::2]"', '127.0.0.2'), '200')
  t.equal(await statusOf('X-Forwarded-For: 2001:db8::3', '127.0.0.2'), '429')
  // Whoever cannot be trusted has the budget of its own connection.
  for (const expected of ['200', '200', '429']) t.equal(await statusOf(one, '127.0.0.9'), expected)
  const lie = (n: number): string => `X-Forwarded-For: 192.0.2.${100 + n}`
  t.equal(await statusOf(lie(1), '127.0.0.9'), '429', 'by no name it gives itself')
  await weir.metricIs('weir_refusals_total', { reason: 'request-rate' }, 5)
  await until(() => weir.lines.filter(({ status }) => status === 429).length >= 5, 'lines of 429')
  const refused = weir.lines.filter(({ status }) => status === 429)
  t.strictSame(
    new Set(refused.map(({ client }) => client)),
    new Set(['192.0.2.1', '2001:db8::3', '127.0.0.9']),
  )
})

test('who sends what cannot be read spends its budget on it', async t => {
  const backend = await startHttpBackend(t, sayName('b'))
  const flags = ['--backend', backend.url, '--request-rate', '0.02', '--request-burst', '2']
  const weir = await startWeir(t, withoutLimits(...LISTEN, ...flags))
  const bad = async (): Promise<string> => await ask(weir, ['Bad Name: 1'])
  t.match(await bad(), /^HTTP\/1\.1 400 /)
  t.match(await bad(), /^HTTP\/1\.1 400 /)
  t.match(await bad(), /^HTTP\/1\.1 429 .*"reason":"request-rate"/s)
  t.match(await ask(weir, []), /^HTTP\/1\.1 429 /)
  await weir.metricIs('weir_refusals_total', { reason: 'request-rate' }, 2)
  await weir.metricIs('weir_refusals_total', { reason: 'bad-request' }, 2)
})
