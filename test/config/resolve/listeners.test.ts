import { test } from 'tap'
import { testAuthority } from '../../support/certificates.ts'
import { bad, good, ONE } from '../../support/config.ts'

test('those of flags come first, those of the file may have names', async t => {
  const file = 'listeners: [{ listen: "tcp://127.0.0.1:2", name: plain }]'
  t.match(good(t, ONE, file).listeners, [{ name: 'tcp://127.0.0.1:1' }, { name: 'plain' }])
})

test('what is listened on twice, or not at all, is told', async t => {
  t.match(bad(t, { ...ONE, listen: ['tcp://127.0.0.1:1', 'tcp://127.0.0.1:1'] }), [
    /--listen: tcp:\/\/127\.0\.0\.1:1 is listened on twice/,
  ])
  t.match(bad(t, { backend: ONE.backend }), [/--listen: no listener is given/])
})

test('a redirect needs no backend, and takes no pool and no routes', async t => {
  const redirect = 'http://127.0.0.1:1?redirect=https'
  const { listeners, routes, pools } = good(t, { listen: [redirect] })
  t.match(listeners, [{ pool: -1, redirectPort: 443, httpRoutes: [0] }])
  t.match(routes, [{ name: 'http://127.0.0.1:1', pool: -1 }])
  t.strictSame(pools, [])
  const file = `listeners: [{ listen: "${redirect}", pool: web, routes: { "a.test": web } }]
pools: { web: { backends: [http://127.0.0.1:3] } }`
  t.match(bad(t, {}, file), [
    /listeners\.0\.pool: what is redirected goes to no pool/,
    /listeners\.0\.routes: what is redirected goes to no pool/,
  ])
})

test('HSTS is for https listeners', async t => {
  const { cert, key } = testAuthority(t).issue('a', ['a.test'])
  const flags = { cert: [cert], key: [key], backend: ['http://127.0.0.1:2'], hsts: '1h' }
  const listen = ['https://:1', 'http://:2', 'https://:3']
  t.strictSame(
    good(t, { ...flags, listen }).listeners.map(({ hsts }) => hsts),
    ['max-age=3600', '', 'max-age=3600'],
  )
  const wrong = 'listeners: [{ listen: "http://:2", hsts: 1h, hsts-subdomains: true }]'
  t.match(bad(t, { backend: ['http://127.0.0.1:2'] }, wrong), [
    /listeners\.0\.hsts: hsts is for https:\/\/ listeners/,
    /listeners\.0\.hsts-subdomains: /,
  ])
})
