import { test } from 'tap'
import { RouteSamples } from '../../src/control/route-samples.ts'
import { faultNumber, faults } from '../../src/core/faults.ts'
import { refusal, refusals } from '../../src/core/refusals.ts'
import { labelValues } from '../../src/shared/counters.ts'
import { makeShared } from '../support/memory.ts'

test('what all workers counted is summed by route and reason, whatever the method or listener', t => {
  const shared = makeShared()
  const { counters } = shared
  const statuses = labelValues.status
  const rate = refusal('request-rate')
  const samples = new RouteSamples(shared)
  for (const worker of [0, 1]) {
    const slice = counters.slice(worker)
    const route = counters.at.requests + labelValues.method.length * statuses.length
    slice[route + statuses.indexOf('4xx')]! += 2
    slice[route + statuses.length + statuses.indexOf('4xx')]! += 3
    slice[counters.at.requestFaults + faults.length + faultNumber('no-backend')]! += 1
    slice[counters.at.refused + rate]! += 1
    slice[counters.at.refused + refusals.length + rate]! += 1
    slice[counters.at.shadowed + rate]! += 5
  }
  const now = samples.now()
  t.equal(now.requests[1]![statuses.indexOf('4xx')], 10)
  t.strictSame(new Set(now.requests[0]), new Set([0]))
  t.strictSame(now.faults, [0, 2])
  t.equal(now.refused[rate], 4)
  t.equal(now.shadowed[rate], 10)
  t.equal(samples.before.refused[rate], 0, 'that of the start')
  t.end()
})
