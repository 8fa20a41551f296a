/** What could be read in two ways (test/vectors), through a real weir to a real server. */
import { type Test, test } from 'tap'
import { ClientEar } from '../support/client-ear.ts'
import { dial } from '../support/client.ts'
import {
  bytesOf,
  readRequests,
  type RequestVector,
  requestVectors,
  vectors,
} from '../support/http1.ts'
import { isKnownToLlhttp, type ReadMessage, readRequestsByLlhttp } from '../support/llhttp.ts'
import {
  clientFields,
  hostOf,
  type RecordingBackend,
  startRecordingBackend,
} from '../support/recording-backend.ts'
import { until } from '../support/until.ts'
import { type RunningWeir, startWeir, withoutLimits } from '../support/weir.ts'

const FLAGS = ['--listen', 'http://127.0.0.1:0', '--workers', '1', '--request-rate', '0']
const FENCE = '/behind-it'

interface Stage {
  readonly weir: RunningWeir
  readonly backend: RecordingBackend
}

async function start(t: Test): Promise<Stage> {
  const backend = await startRecordingBackend(t)
  const flags = withoutLimits(...FLAGS, '--probe', 'none', '--backend', backend.url)
  return { weir: await startWeir(t, flags), backend }
}

/**
 * What the backend has got once all is there: a further request was sent when weir had read what is in question.
 * It has come whole, so nothing that was written before can still be on its way.
 */
async function recorded({ weir, backend }: Stage) {
  await fetch(`http://127.0.0.1:${weir.ports[0]!}${FENCE}`)
  const { bytes, messages } = backend.take()
  const fence = messages.findLastIndex(({ line }) => line.startsWith(`GET ${FENCE} `))
  const parts = bytes.map(text => {
    const at = text.indexOf(`GET ${FENCE} `)
    return at === -1 ? text : text.slice(0, at)
  })
  return {
    bytes: parts.filter(text => text !== ''),
    messages: messages.filter((_, i) => i !== fence),
  }
}

/** What matters of a message that weir wrote. */
function essence(message: ReadMessage, wanted: NonNullable<RequestVector['forwarded']>[number]) {
  return {
    line: message.line,
    host: hostOf(message),
    fields: wanted.fields === undefined ? undefined : clientFields(message),
    body: wanted.body === undefined ? undefined : message.body,
  }
}

async function sendAtOnce(t: Test, stage: Stage, vector: RequestVector): Promise<void> {
  const { name, forwarded = [], refused } = vector
  const client = new ClientEar(await dial(stage.weir.ports[0]!))
  client.socket.write(bytesOf(vector), 'latin1')
  const asked = forwarded.map(({ line }) => line.split(' ')[0]!)
  const answers = forwarded.length + (refused === undefined ? 0 : 1)
  const isAnswered = (): boolean => client.statuses([...asked, 'GET']).length >= answers
  await until(() => isAnswered() || client.closed, `${name}: the answers`, 5000, 1)
  if (refused !== undefined) await until(() => client.closed, `${name}: it is closed`, 5000, 1)
  const { bytes, messages } = await recorded(stage)
  const wanted = forwarded.map(({ line, host, fields, body }) => ({
    line,
    host: host === '' ? `127.0.0.1:${stage.backend.port}` : host,
    fields,
    body,
  }))
  const text = bytes.join('')
  if (!asked.every(isKnownToLlhttp)) {
    // Node refuses it for its method alone: what follows is all there is to see.
    const read = readRequestsByLlhttp(text.replace(/^\S+/, 'GET'))
    t.strictSame([read.messages.length, read.end], [1, 'whole'], `${name}: one message`)
    client.socket.destroy()
    return
  }
  const read = readRequestsByLlhttp(text)
  const readers: [string, readonly ReadMessage[]][] = [["Node's server", messages]]
  // To llhttp alone all that follows an Upgrade is another protocol, even if it is not granted.
  const isUpgrade = text.includes('\r\nUpgrade: ')
  if (!isUpgrade) readers.push(['llhttp', read.messages])
  for (const [reader, got] of readers) {
    t.equal(got.length, wanted.length, `${name}: messages that ${reader} reads`)
    t.strictSame(
      got.map((message, i) => essence(message, forwarded[i]!)),
      wanted,
      `${name}: as ${reader} reads it`,
    )
  }
  if (vector.more !== true && !isUpgrade) t.equal(read.end, 'whole', `${name}: and no byte more`)
  const statuses = [...forwarded.map(() => 200), ...(refused === undefined ? [] : [refused])]
  t.strictSame(client.statuses([...asked, 'GET']), statuses, `${name}: what the client is told`)
  client.socket.destroy()
}

for (const file of requestVectors) {
  test(`${file}: what is refused reaches the backend with no byte, the rest as it is meant`, async t => {
    const stage = await start(t)
    const rows = vectors<RequestVector>(file)
    for (const vector of rows) await sendAtOnce(t, stage, vector)
    t.ok(rows.length > 40, `${rows.length} vectors`)
  })
}

test('what turns out to be bad behind a head that was forwarded never becomes a whole message', async t => {
  const stage = await start(t)
  let sent = 0
  for (const vector of vectors<RequestVector>(...requestVectors)) {
    const text = bytesOf(vector)
    const headEnd = text.indexOf('\r\n\r\n') + 4
    const { refused, name, forwarded } = vector
    if (refused === undefined || forwarded !== undefined || headEnd < 4) continue
    const head = readRequests(text.slice(0, headEnd))
    if (head.end !== 'more' || head.messages.length > 0) continue
    sent++
    const client = new ClientEar(await dial(stage.weir.ports[0]!))
    client.socket.write(text.slice(0, headEnd), 'latin1')
    await until(() => stage.backend.hasHeard(), `${name}: the backend has the head`, 5000, 1)
    const before = stage.backend.open.size
    client.socket.write(text.slice(headEnd), 'latin1')
    await until(() => client.closed, `${name}: it is closed`, 5000, 1)
    await until(() => stage.backend.open.size < before, `${name}: so is the backend's`, 5000, 1)
    t.strictSame(client.statuses(['GET']), [refused], name)
    const { bytes, messages } = await recorded(stage)
    t.strictSame(messages, [], `${name}: no message`)
    t.equal(readRequestsByLlhttp(bytes.join('')).end, 'more', `${name}: its head, and no end`)
    client.socket.destroy()
  }
  t.ok(sent > 10, `${sent} vectors with a bad body`)
})
