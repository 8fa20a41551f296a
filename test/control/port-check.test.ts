import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'tap'
import { checkPorts } from '../../src/control/port-check.ts'

test('a port that can be had is no problem', async t => {
  t.strictSame(await checkPorts([{ name: 'a', host: '127.0.0.1', port: 0 }]), [])
  t.strictSame(await checkPorts([{ name: 'a', host: '::', port: 0 }]), [])
})

test('a port in use is found even if it is shared', async t => {
  const server = createServer()
  server.listen({ port: 0, host: '127.0.0.1', reusePort: true })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  t.match(await checkPorts([{ name: 'a', host: '127.0.0.1', port }]), [
    { listener: 'a', message: /127\.0\.0\.1:\d+ is in use; stop the other program/ },
  ])
  t.match(await checkPorts([{ name: 'b', host: '::', port }]), [{ listener: 'b' }])
  server.close()
})

test('an address that is not ours, and a name that is none', async t => {
  t.match(await checkPorts([{ name: 'a', host: '192.0.2.1', port: 0 }]), [
    { message: /192\.0\.2\.1:0 is no address of this host; ip addr shows/ },
  ])
  t.match(await checkPorts([{ name: 'a', host: 'no-such-host.invalid', port: 0 }]), [
    { message: /no-such-host\.invalid does not resolve; write an IP address/ },
  ])
})

test('two listeners of ours on one address are found, however it is written', async t => {
  const server = createServer()
  server.listen({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  const check = (...points: { host: string; shared?: boolean }[]) =>
    checkPorts(points.map((point, i) => ({ name: `l${i}`, port, ...point })))

  t.match(await check({ host: '::1' }, { host: '0:0:0:0:0:0:0:1' }), [
    { listener: 'l1', message: /\]:\d+ is what l0 listens on; choose another port for one/ },
  ])
  t.strictSame(await check({ host: '127.0.0.1' }, { host: '0.0.0.0' }, { host: '::' }), [])
  const admin = { host: '127.0.0.1', shared: false }
  for (const host of ['127.0.0.1', '0.0.0.0', '::']) {
    t.match(await check({ host }, admin), [{ listener: 'l1' }], host)
  }
  t.strictSame(await check({ host: '127.0.0.2' }, { host: '::1' }, admin), [])
})
