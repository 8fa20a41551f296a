/** Each guard of who somebody is, or says so, where it bites and where it is only tried. */
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { ServerResponse } from 'node:http'
import { dial, readAll } from '../support/client.ts'
import { startHttpBackend } from '../support/http-backend.ts'
import { asOften, onTrial, type Site, type Trial, Trials } from '../support/trials.ts'
import { until } from '../support/until.ts'
import { runWeir } from '../support/weir.ts'

const trials = new Trials('credential')

interface Here extends Site {
  /** Of requests that are under way. */
  readonly held: ServerResponse[]
}

/** A site for whoever has a key of `file`. */
async function start(t: Test, file: string, flags: readonly string[]): Promise<Here> {
  const held: ServerResponse[] = []
  const backend = await startHttpBackend(t, (request, response) => {
    if (request.headers['x-held'] === undefined) response.end()
    else held.push(response)
  })
  const listen = ['--listen', 'http://127.0.0.1:0', '--backend', backend.url]
  const weir = await onTrial(t, ...listen, '--api-keys', file, ...flags)
  return { weir, port: weir.ports[0]!, held }
}

/** @returns status, and the reason if weir said no */
async function ask({ port }: Site, from: string, ...fields: readonly string[]): Promise<string> {
  const socket = await dial(port, { from })
  const lines = ['GET / HTTP/1.1', 'Host: a', 'Connection: close', ...fields]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  const answer = (await readAll(socket)).toString('latin1')
  return `${answer.split(' ')[1]} ${/"reason":"([^"]*)"/.exec(answer)?.[1] ?? ''}`.trim()
}

type Given = Pick<Trial<Here>, 'guard' | 'flags' | 'clients'> & Partial<Trial<Here>>

/** All of one key. @param limits of it, as `weir keys create` takes them */
async function trial(
  t: Test,
  limits: readonly string[],
  given: (key: string) => Given,
): Promise<void> {
  const file = join(t.testdir(), 'keys.yaml')
  const made = await runWeir(['keys', 'create', '--name', 'one', '--file', file, ...limits])
  t.equal(made.code, 0, made.stderr)
  const key = `X-API-Key: ${made.stdout.trim()}`
  const one = given(key)
  await trials.run(t, {
    start: flags => start(t, file, flags),
    ask: (here, from) => ask(here, from, key),
    ...{ served: '200', refused: `429 ${one.guard}` },
    ...one,
  })
}

/** Keys that are none, so many from each. */
function guess(t: Test, hosts: readonly string[], count: number) {
  return async (here: Here): Promise<void> => {
    for (const from of hosts) {
      for (let i = 0; i < count; i++) {
        t.equal(await ask(here, from, 'X-API-Key: abc'), '401 key-malformed')
      }
    }
  }
}

const FAILURES = ['--auth-failure-rate', '0.01', '--auth-failure-burst', '4', '--workers', '2']

test('who guesses too often', async t => {
  await trial(t, [], () => ({
    guard: 'auth-failure-rate',
    flags: FAILURES,
    clients: asOften('127.0.2.1'),
    before: guess(t, ['127.0.2.1'], 4),
    others: { 'key-malformed': 4 },
  }))
})

test('a network that guesses too often, each address within its own budget', async t => {
  await trial(t, [], () => ({
    guard: 'prefix-auth-failure-rate',
    flags: [...FAILURES, '--prefix-multiple', '2'],
    clients: ['127.0.3.5', '127.0.3.5', '127.0.3.6'],
    before: guess(t, ['127.0.3.1', '127.0.3.2', '127.0.3.3', '127.0.3.4'], 2),
    others: { 'key-malformed': 8 },
  }))
})

test('an identity that asks too fast, from wherever', async t => {
  await trial(t, ['--rate', '0.01', '--burst', '3'], key => ({
    guard: 'identity-rate',
    flags: ['--workers', '2'],
    clients: ['127.0.2.1', '127.0.2.2', '127.0.3.3'],
    before: async here => {
      for (let i = 0; i < 3; i++) t.equal(await ask(here, '127.0.2.1', key), '200')
    },
  }))
})

test('an identity that asks too much at once, by the mouth of a proxy', async t => {
  await trial(t, ['--concurrency', '1'], key => ({
    guard: 'identity-concurrency',
    flags: ['--forwarded-from', '127.0.9.0/24', '--workers', '2'],
    clients: ['192.0.2.1', '192.0.2.2', '2001:db8::1'],
    before: async here => {
      const socket = await dial(here.port, { from: '127.0.9.1' })
      t.teardown(() => socket.destroy())
      socket.write(`GET / HTTP/1.1\r\nHost: a\r\nX-Held: 1\r\n${key}\r\n\r\n`)
      await until(() => here.held.length === 1, 'it is under way')
    },
    ask: (here, client) => ask(here, '127.0.9.1', key, `X-Forwarded-For: ${client}`),
  }))
})

test('that was every one', t => {
  trials.areAll(t)
  t.end()
})
