import { test } from 'tap'
import { ProxyError } from '../../src/core/errors.ts'

test('an error carries its code, its message, its cause and what may be done', async t => {
  const cause = new Error('ECONNREFUSED')
  const error = new ProxyError('WEIR_CONNECT_FAILED', 'connect to a:1 failed', { cause })
  t.equal(error.name, 'ProxyError')
  t.equal(error.code, 'WEIR_CONNECT_FAILED')
  t.equal(error.message, 'connect to a:1 failed')
  t.equal(error.cause, cause)
  t.strictSame(error.fault, { origin: 'backend', retry: true })
})

test('another backend is tried for the faults of one, not for our own', async t => {
  const { fault } = new ProxyError('WEIR_QUEUE_FULL', '8 sessions wait')
  t.strictSame(fault, { origin: 'proxy', retry: false })
})
