import { test } from 'tap'
import { readAuthorization } from '../../src/auth/authorization.ts'
import { refusal } from '../../src/core/refusals.ts'
import { requestHead } from '../support/head.ts'

const cases: readonly (readonly [title: string, fields: readonly string[], found: string])[] = [
  ['no field', [], ''],
  ['a bearer', ['Authorization: Bearer abc.def'], 'abc.def'],
  ['any case', ['aUTHORIZATION: bEARER abc'], 'abc'],
  ['more blanks', ['Authorization: Bearer   abc '], 'abc'],
  ['another scheme', ['Authorization: Basic abc'], ''],
  ['a longer name', ['Authorization: Bearers abc'], ''],
  ['a tab, which is no space', ['Authorization: Bearer\tabc'], ''],
  ['nothing behind the scheme', ['Authorization: Bearer'], ''],
  ['text that differs in bit 5 from no letter', ['Authorization: B%arer abc'], ''],
]

for (const [title, fields, found] of cases) {
  test(`Authorization with ${title}`, async t => {
    t.equal(readAuthorization(requestHead(fields), 'bearer'), found)
  })
}

test('two fields are ambiguous, of whatever scheme', async t => {
  const head = requestHead(['Authorization: Bearer abc', 'Authorization: Basic abc'])
  t.equal(readAuthorization(head, 'bearer'), refusal('credential-ambiguous'))
})
