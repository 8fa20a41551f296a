import { once } from 'node:events'
import { test } from 'tap'
import { refusal } from '../../src/core/refusals.ts'
import { refuse } from '../../src/proxy/answer.ts'
import { readAll } from '../support/client.ts'
import { socketPair } from '../support/edge.ts'
import { until } from '../support/until.ts'

test('who speaks TLS is told by an alert, and the connection closed', async t => {
  const cases: [Parameters<typeof refusal>[0], number][] = [
    ['hello-malformed', 50],
    ['tls-version', 70],
    ['handshake-rate', 80],
    ['host-handshake-rate', 80],
    ['unknown-server-name', 112],
  ]
  for (const [name, alert] of cases) {
    const { client, server } = await socketPair(t)
    const answer = readAll(client)
    refuse(server, refusal(name))
    t.strictSame([...(await answer)], [21, 3, 3, 0, 2, 2, alert], name)
    if (!server.destroyed) await once(server, 'close')
  }
})

test('everybody else is reset', async t => {
  const { client, server } = await socketPair(t)
  const broke = once(client, 'error') as Promise<[NodeJS.ErrnoException]>
  refuse(server, refusal('not-tls'))
  client.resume()
  t.equal((await broke)[0].code, 'ECONNRESET')
})

test('a client that is gone already is no trouble', async t => {
  const { client, server } = await socketPair(t)
  client.resetAndDestroy()
  refuse(server, refusal('hello-malformed'))
  await until(() => server.destroyed, 'closed')
  refuse(server, refusal('not-tls'))
})
