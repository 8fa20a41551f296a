import { rmSync } from 'node:fs'
import { test } from 'tap'
import { echo, startBackend } from '../support/backend.ts'
import { testAuthority } from '../support/certificates.ts'
import { dial, exchange } from '../support/client.ts'
import { until } from '../support/until.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

const script = new URL('../support/killable.ts', import.meta.url).pathname

test('a worker is replaced although the files it began with are gone', async t => {
  const ca = testAuthority(t)
  const { issued } = ca.issue('backend', ['backend.test'])
  const own = ca.issue('front', ['front.test'])
  const backend = await startBackend(t, echo, {
    tls: { cert: issued.chainPem, key: issued.keyPem },
  })
  const flags = ['--listen', 'tcp://127.0.0.1:0', '--listen', 'tls://127.0.0.1:0']
  const pair = ['--cert', own.cert, '--key', own.key, '--workers', '1', '--probe', 'none']
  const url = `${backend.url}?ca=${ca.file}&sni=backend.test`
  const weir = await startWeir(t, withoutLimits(...flags, ...pair, '--backend', url), { script })
  for (const file of [ca.file, own.cert, own.key]) rmSync(file)
  weir.child.stdin!.write('0\n')
  await weir.line(({ msg }) => msg === 'worker listens again', 'it is replaced')
  t.equal(await exchange(await dial(weir.ports[0]!), 'x'), 'x')
})

test('a worker that hangs is ended and replaced, and does not hold up the end', async t => {
  const backend = await startBackend(t, echo)
  const flags = ['--listen', 'tcp://127.0.0.1:0', '--backend', backend.url, '--probe', 'none']
  const weir = await startWeir(t, withoutLimits(...flags, '--workers', '1'), { script })
  weir.child.stdin!.write('hang 0\n')
  await weir.line(({ msg }) => msg === 'weir worker 0 hangs', 'it hangs')
  const again = (): boolean => weir.lines.some(({ msg }) => msg === 'worker listens again')
  await until(again, 'it is replaced', 40_000)
  t.ok(weir.lines.some(({ msg }) => msg === 'worker hangs, ending it'))
  t.equal(await exchange(await dial(weir.ports[0]!), 'x'), 'x')

  weir.child.stdin!.write('hang 0\n')
  const hanging = (): number => weir.lines.filter(({ msg }) => msg === 'weir worker 0 hangs').length
  await until(() => hanging() === 2, 'its replacement hangs')
  const stopped = weir.stop()
  await weir.line(({ msg }) => msg === 'draining', 'draining')
  const begin = performance.now()
  weir.child.kill('SIGINT')
  t.equal(await stopped, 0)
  t.ok(performance.now() - begin < 10_000, 'the second signal ends it')
})
