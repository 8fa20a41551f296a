import { test } from 'tap'
import { httpDate } from '../../src/core/http-date.ts'
import { until } from '../support/until.ts'

test('it is the second that runs, and the next one once that has begun', async t => {
  for (let second = 0; second < 2; second++) {
    const before = Math.floor(Date.now() / 1000)
    const told = httpDate()
    const after = Math.floor(Date.now() / 1000)
    t.match(told, /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/)
    const at = Date.parse(told) / 1000
    t.ok(at >= before && at <= after, `${told} from ${before} to ${after}`)
    // A clock that counts finer than another may be a hair ahead of it.
    await until(() => Date.now() / 1000 > before + 1.01, 'the next second')
  }
})
