import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { configToYaml } from '../../src/config/yaml.ts'
import { testAuthority } from '../support/certificates.ts'

function load(flags: Record<string, unknown>): Config {
  const loaded = loadConfig({ flags, env: {} })
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems))
  return loaded.config
}

test('what is printed reads back to the same config', async t => {
  const { cert, key } = testAuthority(t).issue('a', ['a.test'])
  const configs = [
    { listen: ['tcp://[::]:0'], backend: ['tcp://[::1]:2?weight=3&backup'], admin: 'off' },
    {
      listen: ['tls://127.0.0.1:1', 'tls://127.0.0.1:2'],
      backend: ['tls://a.test:2?insecure&sni=b.test', 'tcp://10.0.0.1:3?drain'],
      cert: [cert],
      key: [key],
      alpn: ['h2', 'http/1.1'],
      allow: ['10.0.0.0/8', '2001:db8::/32'],
      deny: ['10.1.0.0/16'],
      admin: '[::1]:9',
      'connection-rate': '0.5',
      'probe-status': '204',
      'idle-timeout': '90s',
      'proxy-protocol-from': ['10.0.0.1'],
      'strict-sni': 'true',
    },
  ]
  for (const [i, flags] of configs.entries()) {
    const config = load(flags)
    const path = join(dirname(cert), `${i}.yaml`)
    writeFileSync(path, configToYaml(config))
    t.strictSame(load({ config: path }), config)
  }
})
