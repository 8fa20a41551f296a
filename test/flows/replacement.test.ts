import { rmSync } from 'node:fs'
import { test } from 'tap'
import { echo, startBackend } from '../support/backend.ts'
import { testAuthority } from '../support/certificates.ts'
import { dial, exchange } from '../support/client.ts'
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
