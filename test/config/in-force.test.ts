import { test } from 'tap'
import { InForce } from '../../src/config/in-force.ts'
import { good } from '../support/config.ts'

const NOWHERE = { listener: -1, route: -1 }
const FILE = `
listen: http://127.0.0.1:0
backend: http://127.0.0.1:2
body-max: 5000
routes:
  - { path: /upload, body-max: 900000, pool: slow }
pools:
  slow: { backends: ['http://127.0.0.1:3'], queue-timeout: 30s }
`

test('a flag has the value an operator would write, and one that is no flag none', t => {
  const config = good(t, {
    listen: ['tcp://127.0.0.1:1'],
    backend: ['tcp://127.0.0.1:2'],
    'ban-time': '90s',
    deny: ['10.0.0.0/8', '192.0.2.1'],
  })
  const names = ['ban-time', 'deny', 'allow', 'connection-rate', 'never-a-flag']
  t.strictSame(new InForce(config).values(names, NOWHERE), [
    ['ban-time', '90s'],
    ['deny', '10.0.0.0/8, 192.0.2.1'],
    ['allow', 'none'],
    ['connection-rate', '20'],
  ])
  t.end()
})

test('what is set for a route or its pool holds there', t => {
  const config = good(t, {}, FILE)
  const inForce = new InForce(config)
  const route = config.routes.findIndex(({ path }) => path === '/upload')
  const last = config.listeners[0]!.httpRoutes.at(-1)!
  const values = (index: number) =>
    inForce
      .values(['body-max', 'queue-timeout'], { listener: 0, route: index })
      .map(([, value]) => value)
  t.strictSame(values(route), ['900000', '30s'])
  t.equal(values(last)[0], '5000')
  t.not(values(last)[1], '30s')
  t.end()
})
