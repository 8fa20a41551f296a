import { test } from 'tap'
import * as names from '../../src/codec/http1/field-names.ts'
import { DROP, Forwarding, LOOK, PASS } from '../../src/proxy/forwarding.ts'

const CHAINS = [names.X_FORWARDED_FOR, names.FORWARDED]
const TOLD = [...CHAINS, names.X_FORWARDED_PROTO, names.X_FORWARDED_HOST]
const BESIDES = [names.X_FORWARDED_OTHER, names.X_REAL_IP]
const TRACE = [names.TRACEPARENT, names.TRACESTATE]
const NEVER = [
  names.HOST,
  names.PROXY,
  names.X_REQUEST_ID,
  names.CONTENT_LENGTH,
  names.TRANSFER_ENCODING,
  names.CONNECTION,
  names.UPGRADE,
  names.X_WEIR_SUBJECT,
  names.X_WEIR_OTHER,
]

test('what one hop, a proxy or weir itself says goes no further, whoever sends it', async t => {
  const it = new Forwarding({
    forwardedRead: 'both',
    forwardedFields: 'both',
    traceparent: 'trusted',
  })
  for (const treatments of [it.untrusted, it.trusted, it.doubtful]) {
    for (const number of NEVER) t.equal(treatments[number], DROP, `${number}`)
    for (const number of [names.OTHER, names.VIA, names.COOKIE, names.AUTHORIZATION]) {
      t.equal(treatments[number], PASS, `${number}`)
    }
    t.equal(treatments[names.EXPECT], LOOK)
  }
})

test('who asks is told by the trusted alone', async t => {
  const it = new Forwarding({
    forwardedRead: 'both',
    forwardedFields: 'both',
    traceparent: 'trusted',
  })
  for (const number of [...TOLD, ...BESIDES, ...TRACE]) t.equal(it.untrusted[number], DROP)
  for (const number of [...TOLD, ...TRACE]) t.equal(it.trusted[number], LOOK)
  for (const number of BESIDES) t.equal(it.trusted[number], PASS)
})

test('of whom to doubt, neither chain goes on', async t => {
  const it = new Forwarding({
    forwardedRead: 'both',
    forwardedFields: 'both',
    traceparent: 'trusted',
  })
  for (const number of [...CHAINS, names.X_REAL_IP]) t.equal(it.doubtful[number], DROP)
  for (const number of [names.X_FORWARDED_PROTO, ...TRACE]) t.equal(it.doubtful[number], LOOK)
})

test('traces go on for all, for the trusted, or pass by', async t => {
  const of = (traceparent: 'trusted' | 'continue' | 'off') => {
    const it = new Forwarding({ forwardedRead: 'both', forwardedFields: 'both', traceparent })
    return [
      it.traces,
      it.untrusted[names.TRACEPARENT],
      it.trusted[names.TRACEPARENT],
      it.untrusted[names.TRACESTATE],
    ]
  }
  t.strictSame(of('trusted'), [true, DROP, LOOK, DROP])
  t.strictSame(of('continue'), [true, LOOK, LOOK, LOOK])
  t.strictSame(of('off'), [false, PASS, PASS, PASS])
})

test('what trusted proxies do not write themselves is dropped of them too', async t => {
  const of = (forwardedRead: 'both' | 'x-forwarded' | 'forwarded') =>
    new Forwarding({ forwardedRead, forwardedFields: 'both', traceparent: 'off' })
  const x = [names.X_FORWARDED_FOR, names.X_FORWARDED_PROTO, names.X_FORWARDED_HOST, ...BESIDES]
  for (const treatments of [of('x-forwarded').trusted, of('x-forwarded').doubtful]) {
    t.equal(treatments[names.FORWARDED], DROP)
    t.equal(treatments[names.X_FORWARDED_PROTO], LOOK)
  }
  for (const treatments of [of('forwarded').trusted, of('forwarded').doubtful]) {
    for (const number of x) t.equal(treatments[number], DROP)
  }
  t.equal(of('forwarded').trusted[names.FORWARDED], LOOK)
  t.strictSame(
    (['both', 'x-forwarded', 'forwarded'] as const).map(form => {
      const { readsXForwarded, readsForwarded } = of(form)
      return [readsXForwarded, readsForwarded]
    }),
    [
      [true, true],
      [true, false],
      [false, true],
    ],
  )
})

test('--forwarded-fields says which forms are sent', async t => {
  const of = (forwardedFields: 'both' | 'x-forwarded' | 'forwarded') => {
    const it = new Forwarding({ forwardedRead: 'both', forwardedFields, traceparent: 'off' })
    return [it.sendsXForwarded, it.sendsForwarded]
  }
  t.strictSame(of('both'), [true, true])
  t.strictSame(of('x-forwarded'), [true, false])
  t.strictSame(of('forwarded'), [false, true])
})
