/** Requests over a rate that are held until their tokens are due: `--action REASON=delay`. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { ask } from '../support/ask.ts'
import { dial, read, readAll } from '../support/client.ts'
import { sayName, startHttpBackend } from '../support/http-backend.ts'
import { runWeir, startWeir, withoutLimits } from '../support/weir.ts'

const RATE = ['--request-rate', '10', '--request-burst', '2', '--action', 'request-rate=delay']
const REASON = { reason: 'request-rate' }

async function start(t: Test, ...flags: string[]) {
  const backend = await startHttpBackend(t, sayName('served'))
  const weir = await startWeir(
    t,
    withoutLimits(
      ...['--listen', 'http://127.0.0.1:0', '--backend', backend.url, '--workers', '1'],
      ...flags,
    ),
  )
  return { weir, backend, port: weir.ports[0]! }
}

test('those over the rate are served later, those over the time are refused', async t => {
  const { weir, port } = await start(t, ...RATE, '--delay-time', '500ms')
  const began = performance.now()
  const all = await Promise.all(
    Array.from({ length: 12 }, async () => {
      const { status } = await ask(port)
      return { status, ms: performance.now() - began }
    }),
  )
  const served = all.filter(({ status }) => status === 200)
  const refused = all.filter(({ status }) => status === 429)
  // Of the burst, lent, and what came meanwhile on a slow machine.
  t.ok(served.length >= 7 && served.length < 12, `${served.length} were served`)
  t.equal(served.length + refused.length, 12)
  t.ok(
    served.some(({ ms }) => ms >= 400),
    'the last of them half a second later',
  )
  const held = await weir.metric('weir_actions_total', { ...REASON, action: 'delay' })
  t.ok(held >= 4, `${held} were held`)
  await weir.metricIs('weir_refusals_total', REASON, refused.length)
  await weir.metricIs('weir_delayed', {}, 0)
  await weir.line(({ delayed_ms: ms }) => Number(ms) > 0, 'that a request was held')
})

test('what is pipelined behind one that is held waits for it', async t => {
  const { port, backend } = await start(t, ...RATE)
  const client = await dial(port)
  const request = (path: string, more = '') => `GET /${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
  client.write(
    ['1', '2', '3', '4'].map(each => request(each)).join('') +
      request('5', 'Connection: close\r\n'),
  )
  const text = (await readAll(client)).toString()
  t.equal(text.split('HTTP/1.1 200 OK').length - 1, 5)
  t.strictSame(
    backend.seen.map(({ url }) => url),
    ['/1', '/2', '/3', '/4', '/5'],
  )
})

/** A client whose first request was served, and whose second is held for two seconds. */
async function held(t: Test) {
  const flags = ['--request-rate', '0.5', '--request-burst', '1', '--delay-time', '2s']
  const setup = await start(t, ...flags, '--action', 'request-rate=delay')
  const client = await dial(setup.port)
  const request = (path: string) => `GET /${path} HTTP/1.1\r\nHost: a\r\n\r\n`
  client.write(request('first') + request('second'))
  const answer = await read(client, 'HTTP/1.1 200 OK'.length)
  return { ...setup, client, answer }
}

test('who leaves is held no longer', async t => {
  const { weir, client, backend } = await held(t)
  client.resetAndDestroy()
  await weir.line(({ path, reason }) => path === '/second' && reason === 'client-gone', 'it left')
  await weir.metricIs('weir_delayed', {}, 0)
  t.strictSame(
    backend.seen.map(({ url }) => url),
    ['/first'],
  )
})

test('who is held when weir drains is served before it ends', async t => {
  const { weir, client, backend } = await held(t)
  const rest = readAll(client)
  t.equal(await weir.stop(), 0)
  t.match((await rest).toString(), /HTTP\/1.1 200 OK[^]*Connection: close/i)
  t.strictSame(
    backend.seen.map(({ url }) => url),
    ['/first', '/second'],
  )
})

test('more than may be held are refused', async t => {
  const { port, weir } = await start(t, ...RATE, '--delay-max', '1')
  const all = await Promise.all(Array.from({ length: 6 }, async () => await ask(port)))
  t.equal(all.filter(({ status }) => status === 200).length >= 3, true)
  t.ok(all.some(({ reason }) => reason === 'request-rate'))
  await weir.metricIs('weir_delayed', {}, 0)
})

test('the rate of a route can be waited for as well, and a trial holds nobody', async t => {
  const config = join(t.testdir(), 'weir.yaml')
  writeFileSync(
    config,
    'routes:\n  - { path: /slow, route-request-rate: 10, route-request-burst: 1 }\n  - { path: / }\n',
  )
  const flags = ['--config', config, '--request-rate', '0', '--action', 'route-request-rate=delay']
  const { weir, port } = await start(t, ...flags)
  const slow = async () => {
    const client = await dial(port)
    client.write('GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    return (await readAll(client)).toString().slice(9, 12)
  }
  t.strictSame(await Promise.all([slow(), slow(), slow()]), ['200', '200', '200'])
  const reason = 'route-request-rate'
  t.ok((await weir.metric('weir_actions_total', { reason, action: 'delay' })) > 0)

  const trial = await start(t, ...RATE, '--shadow', 'request-rate')
  await Promise.all(Array.from({ length: 5 }, async () => await ask(trial.port)))
  t.equal(await trial.weir.metric('weir_actions_total', { ...REASON, action: 'delay' }), 0)
  t.ok((await trial.weir.metric('weir_shadow_refusals_total', REASON)) > 0)
})

test('what time does not bring back cannot be waited for', async t => {
  const flags = ['check', '--listen', 'http://127.0.0.1:0', '--backend', 'http://127.0.0.1:1']
  t.match(await runWeir([...flags, '--action', 'denied=delay']), {
    code: 2,
    stderr:
      /"denied=delay" is not possible where denied is decided; possible are reset, close, tarpit/,
  })
})
