import { test } from 'tap'
import {
  isRejection,
  refusal,
  refusals,
  rejectionError,
  rejectionStatus,
} from '../../src/core/refusals.ts'
import { rejections } from '../../src/core/rejections.ts'

test('each rejection is a refusal with a status and an error of its own row', async t => {
  for (const [name, status, error, cause] of rejections) {
    const number = refusal(name)
    t.ok(isRejection(number), name)
    t.strictSame(refusals[number], [name, cause])
    t.equal(rejectionStatus(number), status, name)
    t.equal(rejectionError(number), error, name)
  }
  t.equal(rejectionStatus(refusal('token-expired')), 401)
  t.equal(rejectionError(refusal('scope-missing')), 'insufficient_scope')
})

test('refusals of other tables are no rejections', async t => {
  t.notOk(isRejection(refusal('admitted')))
  t.notOk(isRejection(refusal('not-supported')))
  t.ok(isRejection(refusal('credential-missing')))
})

test('the error of an answer fits its status (RFC 6750 §3.1)', async t => {
  const statuses: Readonly<Record<string, readonly number[]>> = {
    invalid_request: [400],
    invalid_token: [401],
    invalid_dpop_proof: [401],
    insufficient_scope: [403],
    // Nothing was sent, or the client can mend nothing.
    '': [401, 403, 429, 503],
  }
  for (const [name, status, error] of rejections) {
    t.ok(statuses[error]?.includes(status), `${name}: ${status} ${error}`)
  }
})
