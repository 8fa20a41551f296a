import { test } from 'tap'
import { RepeatedLines } from '../../src/proxy/repeated-lines.ts'
import { testRoute } from '../support/route.ts'

test('lines are known for one head and one route', async t => {
  const [one, other] = [testRoute(), testRoute()]
  const lines = new RepeatedLines()
  t.equal(lines.find(1, one), '')
  lines.keep(1, one, 'Host: a\r\n')
  t.equal(lines.find(1, one), 'Host: a\r\n')
  t.equal(lines.find(2, one), '')
  t.equal(lines.find(1, other), '')
  lines.keep(2, other, 'Host: b\r\n')
  t.equal(lines.find(1, one), '')
  t.equal(lines.find(2, other), 'Host: b\r\n')
})
