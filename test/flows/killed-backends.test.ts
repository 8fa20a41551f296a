/** Backends that are killed, as processes, in the middle of their answers. */
import { Agent, request } from 'node:http'
import { test } from 'tap'
import { bodyOf, type Framing, framings, Mortal } from '../support/mortal.ts'
import { until } from '../support/until.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

const CLIENTS = 32
const KILLS = 8
const SIZE_MAX = 200_000
const FLAGS = ['--listen', 'http://127.0.0.1:0', '--request-rate', '0', '--probe', 'none']
/** The one that was killed before is back when the other one is. */
const SOON = ['--eject-time', '100ms', '--eject-time-max', '100ms']

interface Outcome {
  readonly framing: Framing
  readonly what: 'whole' | 'short' | 'refused' | 'cut' | 'wrong'
  readonly about: string
}

interface Answer {
  readonly status: number
  readonly body: string
  /** The client could tell that it is not all. */
  readonly isCut: boolean
}

async function ask(port: number, agent: Agent, method: string, path: string): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>()
  let status = 0
  let body = ''
  const outgoing = request({ port, agent, method, path }, response => {
    status = response.statusCode ?? 0
    response.on('data', (bytes: Buffer) => (body += bytes.toString('latin1')))
    response.on('end', () => resolve({ status, body, isCut: !response.complete }))
    response.on('error', () => resolve({ status, body, isCut: true }))
  })
  outgoing.on('error', () => resolve({ status, body, isCut: true }))
  outgoing.end()
  return await promise
}

function judge(framing: Framing, wanted: string, { status, body, isCut }: Answer): Outcome {
  const about = `${status}, ${body.length} of ${wanted.length}, ${body.slice(0, 40)}…${body.slice(-40)}`
  const own = status !== 200 && status !== 0
  if (own) {
    const isClean = [502, 503, 504].includes(status) && !isCut && body.includes('"reason":')
    return { framing, what: isClean ? 'refused' : 'wrong', about }
  }
  if (!wanted.startsWith(body)) return { framing, what: 'wrong', about }
  if (isCut) return { framing, what: 'cut', about }
  return { framing, what: body === wanted ? 'whole' : 'short', about }
}

test('who was being answered by a killed backend gets all, an answer of ours or a cut, and nobody else’s bytes', async t => {
  const mortals = [new Mortal(), new Mortal()]
  for (const mortal of mortals) await mortal.start(t)
  const urls = mortals.flatMap(({ port }) => ['--backend', `http://127.0.0.1:${port}`])
  const weir = await startWeir(t, withoutLimits(...FLAGS, ...SOON, ...urls))
  const outcomes: Outcome[] = []
  const load = { isOver: false, ids: 0 }
  const client = async (): Promise<void> => {
    // One connection, so that what is left over of an answer would be taken for the next.
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    while (!load.isOver) {
      const id = ++load.ids
      const framing = framings[id % 3]!
      const size = 1 + ((id * 7919) % SIZE_MAX)
      const method = id % 7 === 0 ? 'POST' : 'GET'
      const answer = await ask(weir.ports[0]!, agent, method, `/${framing}/${size}/${id}`)
      outcomes.push(judge(framing, bodyOf(id, size), answer))
    }
    agent.destroy()
  }
  const clients = Array.from({ length: CLIENTS }, client)
  for (let kill = 0; kill < KILLS; kill++) {
    const mortal = mortals[kill % 2]!
    const before = outcomes.length
    await until(() => outcomes.length > before + 2 * CLIENTS, 'answers come')
    await mortal.kill()
    await mortal.start(t)
  }
  load.isOver = true
  await Promise.all(clients)

  const count = (what: Outcome['what']): number =>
    outcomes.filter(each => each.what === what).length
  const wrong = outcomes.filter(({ what, framing }) => {
    // A body that goes to the end of the connection has no other end: nobody can see that it is short.
    return what === 'wrong' || (what === 'short' && framing !== 'close')
  })
  t.strictSame(wrong.slice(0, 5), [], `${wrong.length} wrong of ${outcomes.length}`)
  t.ok(count('whole') > 10 * CLIENTS, `${count('whole')} whole`)
  const hit = count('cut') + count('short') + count('refused')
  t.ok(hit >= KILLS, `${count('cut')} cut, ${count('short')} short, ${count('refused')} refused`)
  t.comment(
    `${count('whole')} whole, ${count('cut')} cut, ${count('short')} short, ${count('refused')} refused`,
  )
  await weir.metricIs('weir_backend_active_connections', {}, 0)
})
