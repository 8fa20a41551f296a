import { test } from 'tap'
import { faultNumber } from '../../src/core/faults.ts'
import { refusal } from '../../src/core/refusals.ts'
import { RefusalNotes, SAMPLED } from '../../src/proxy/refusal-notes.ts'
import { TALKER_WORDS, textWords, windowAt } from '../../src/shared/talkers.ts'
import { addressOf, makeShared } from '../support/memory.ts'

const ADDRESS = addressOf('192.0.2.1')
const RATE = refusal('connection-rate')
const JA4 = 't13d1516h2_8daaf6152771_02713d6af862'

function setUp(keepsFingerprints = true) {
  const shared = makeShared()
  const notes = new RefusalNotes(shared, 1, { ipv4Prefix: 32, ipv6Prefix: 64 }, keepsFingerprints)
  const kept = shared.refusals[1]!
  const slot = shared.addresses.acquire(ADDRESS, 0)
  const session = { address: '192.0.2.1', slot, entrance: { index: 1 }, ja4: JA4 }
  const client = { address: '192.0.2.1', isNamed: false, judgeNote: '', retryAfter: 4 }
  const exchange = {
    ...{ client, reason: 'request-rate', facts: null, status: 429, requestId: 'id' },
    route: { index: 1 },
  }
  return {
    ...{ shared, notes, kept, session, client, exchange },
    connections: () => kept.connections.ofAddress(ADDRESS, 128, 9999),
    end: (facts: object = {}): void => {
      notes.exchange(
        { client: session } as never,
        { ...exchange, ...facts } as never,
        performance.now(),
      )
    },
  }
}

test('a connection refused at the door is noted with what was counted of its address', t => {
  const { notes, connections, session } = setUp()
  notes.door(0, ADDRESS, RATE, session.slot)
  const [noted, ...others] = connections()
  t.strictSame(others, [])
  t.match(noted, { reason: RATE, listener: 0, route: -1, status: 0, retryAfter: 0, id: '' })
  t.ok(noted!.hasState)
  t.equal(noted!.state[0], 1, 'its connection')
  t.ok(Math.abs(noted!.timeMs - performance.now()) < 10_000)
  t.end()
})

test('what is told of a slot is not told of whoever has it now', t => {
  const { notes, connections, shared } = setUp()
  notes.door(0, ADDRESS, RATE, shared.addresses.acquire(addressOf('192.0.2.9'), 0))
  notes.door(0, ADDRESS, RATE, -1)
  t.strictSame(
    connections().map(({ hasState }) => hasState),
    [false, false],
  )
  t.end()
})

test('one flood does not push out what happened to others', t => {
  const { notes, connections, kept, end, shared } = setUp()
  end({ requestId: 'before' })
  for (let i = 0; i < 10_000; i++) end({ requestId: `flood-${i}` })
  for (let i = 0; i < 10_000; i++) notes.door(0, ADDRESS, RATE, -1)
  t.equal(kept.requests.ofRequest('before', 1).length, 1)
  t.ok(kept.requests.count <= 64 + 1)
  notes.step()
  t.equal(kept.repeats.ofRequest('flood-9999', 1).length, 1, 'its last ones are known too')
  t.strictSame(connections(), [], 'it was noted often enough')
  notes.door(0, addressOf('192.0.2.2'), RATE, -1)
  t.equal(kept.connections.count, 1, 'another is noted')
  const talkers = shared.refusals[1]!.addresses.list(windowAt(performance.now()))
  t.equal(Math.max(...talkers.map(({ refused }) => refused)), 20_001, 'and all are counted')
  t.end()
})

test('an exchange is noted under its id with route, answer, and who judged it', t => {
  const { end, kept, client } = setUp()
  end()
  client.judgeNote = ',"auth":"jwt"'
  end({ reason: 'token-expired', status: 401, requestId: 'rejected' })
  end({ reason: 'queue-full', status: 503, requestId: 'fault' })
  const noted = (id: string) => kept.requests.ofRequest(id, 9)[0]
  const rate = refusal('request-rate')
  t.match(noted('id'), { reason: rate, route: 1, status: 429, retryAfter: 4, note: '' })
  t.match(noted('rejected'), { status: 401, retryAfter: 0, note: ',"auth":"jwt"' })
  const full = ~faultNumber('queue-full')
  t.match(noted('fault'), { reason: full, status: 503, retryAfter: 5, note: '' })
  t.end()
})

test('who went away was refused nothing', t => {
  const { end, kept } = setUp()
  end({ reason: 'client-gone', status: 0 })
  end({ reason: 'drained' })
  t.equal(kept.requests.count, 0)
  t.end()
})

test('a client that a proxy speaks for is noted as itself', t => {
  const { end, kept, client } = setUp()
  end({ client: { ...client, address: '198.51.100.7', isNamed: true } })
  const [noted] = kept.requests.ofRequest('id', 1)
  t.strictSame(noted!.address, addressOf('198.51.100.7'))
  t.notOk(noted!.hasState, 'it is in no table')
  t.end()
})

test('fingerprints are counted where they are kept', t => {
  const { notes, kept, session } = setUp()
  notes.fingerprint(JA4, 0)
  notes.session(session as never, refusal('fingerprint-rate'))
  const [talker] = kept.fingerprints.list(windowAt(performance.now()))
  t.match(talker, { count: 2, refused: 1 })
  t.equal(Buffer.from(talker!.key.buffer).toString(), JA4)
  t.equal(kept.connections.ofAddress(ADDRESS, 128, 1)[0]!.note, `,"ja4":"${JA4}"`)
  const other = setUp(false)
  other.notes.fingerprint(JA4, 0)
  t.strictSame(other.kept.fingerprints.list(windowAt(performance.now())), [])
  t.end()
})

test('requests that are served are counted for their address by lot, refused ones as well', t => {
  const { end, kept } = setUp()
  for (let i = 0; i < 10_000; i++) end({ reason: i % 2 === 0 ? '' : 'request-rate' })
  const [served, ...others] = kept.served.list(windowAt(performance.now()))
  t.strictSame(others, [])
  t.strictSame(served!.key, ADDRESS)
  t.equal(served!.count % SAMPLED, 0)
  t.ok(served!.count > 5000 && served!.count < 20_000, String(served!.count))
  t.end()
})

test('an identity is counted for each request, and for what it was refused', t => {
  const { end, kept } = setUp()
  const talker = new Int32Array(TALKER_WORDS)
  textWords('jwt 0123456789abcdef', talker)
  const facts = { talker, json: '' }
  for (const reason of ['', 'request-rate', 'bad-response', 'token-expired']) end({ facts, reason })
  t.match(kept.identities.list(windowAt(performance.now())), [
    { key: talker, count: 4, refused: 2 },
  ])
  t.end()
})
