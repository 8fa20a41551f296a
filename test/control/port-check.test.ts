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
