import { test } from 'tap'
import { banExempt } from '../../src/config/exempt.ts'
import { good } from '../support/config.ts'

test('who is never banned: the list, the allow list, and trusted proxies', async t => {
  const config = good(t, {
    listen: ['http://127.0.0.1:1'],
    backend: ['http://127.0.0.1:2'],
    'ban-exempt': ['10.1.0.0/16'],
    allow: ['10.2.0.0/16'],
    'forwarded-from': ['10.3.0.1'],
    'proxy-protocol-from': ['10.4.0.1'],
  })
  const blocks = ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.1', '10.4.0.1']
  t.strictSame(banExempt(config).toSorted(), blocks)
})

test('a ban of this host would be one of all that a proxy on it passes on', async t => {
  const config = good(t, { listen: ['http://127.0.0.1:1'], backend: ['http://127.0.0.1:2'] })
  t.strictSame(banExempt(config), ['127.0.0.0/8', '::1'])
})
