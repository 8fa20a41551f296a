import { test } from 'tap'
import { shadowedGuards } from '../../src/core/governed.ts'
import { named, startBackend } from '../support/backend.ts'
import { ending } from '../support/client.ts'
import { guardsOf } from '../support/trials.ts'
import { runWeir, startWeir } from '../support/weir.ts'

const COUNT = 40
const BURST = 5
/** So slow that no token comes back while the test runs. */
const LIMITS = ['--connection-rate', '0.01', '--connection-burst', String(BURST)]

/** @returns how many were served */
async function flood(port: number): Promise<number> {
  let served = 0
  for (let i = 0; i < COUNT; i++) {
    if ((await ending(port, { from: '127.0.0.2' }, 'x')) !== 'ECONNRESET') served++
  }
  return served
}

test('a flood is served whole in shadow, and what would be refused is counted and told', async t => {
  const backend = await startBackend(t, named('served'))
  const flags = ['--listen', 'tcp://127.0.0.1:0', '--workers', '2', '--backend', backend.url]
  const tried = await startWeir(t, [...flags, ...LIMITS, '--shadow', 'all'])
  t.equal(await flood(tried.ports[0]!), COUNT)
  const reason = { reason: 'connection-rate' }
  await tried.metricIs('weir_shadow_refusals_total', reason, COUNT - BURST)
  t.equal(await tried.metric('weir_refusals_total'), 0)
  const line = await tried.line(({ msg }) => msg === 'shadow', 'of one that would be refused')
  t.match(line, { client: '127.0.0.2', ...reason })

  const bites = await startWeir(t, [...flags, ...LIMITS, '--shadow', 'request-rate'])
  t.equal(await flood(bites.ports[0]!), BURST, 'and it bites where another guard is tried')
  await bites.metricIs('weir_refusals_total', reason, COUNT - BURST)
  t.equal(await bites.metric('weir_shadow_refusals_total'), 0)
})

test('what cannot be tried is told at start', async t => {
  const flags = ['check', '--listen', 'tcp://127.0.0.1:1', '--backend', 'tcp://127.0.0.1:2']
  const { code, stderr } = await runWeir([...flags, '--shadow', 'bad-request,request-rat'])
  t.equal(code, 2)
  t.match(stderr, /"bad-request" cannot be tried: nobody could serve it/)
  t.match(stderr, /"request-rat" is no guard's reason; did you mean request-rate\?/)
})

/** The tests of each stage see to their own: shadow-connections, -handshakes, -requests, -credentials. */
test('every guard that --shadow takes is tried at some stage', t => {
  const stages = ['connection', 'handshake', 'request', 'credential'] as const
  t.strictSame(stages.flatMap(guardsOf).toSorted(), shadowedGuards(['all']).toSorted())
  t.end()
})
