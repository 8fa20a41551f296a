import { test } from 'tap'
import { good } from '../../support/config.ts'

test('settings of HTTP are those of flags, else the defaults', async t => {
  const flags = { listen: ['http://:1'], backend: ['http://127.0.0.1:2'] }
  t.match(good(t, flags).http, { encodedSlash: 'refuse', headTimeoutMs: 10_000 })
  const other = { ...flags, 'encoded-slash': 'keep', 'head-timeout': '2s' }
  t.match(good(t, other).http, { encodedSlash: 'keep', headTimeoutMs: 2000 })
})
