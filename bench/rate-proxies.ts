/**
 * Proxies that let an address connect once in 100 s and refuse it right after accept until then; without logs.
 * nginx is not among them: its stream module limits connections at once, not how many come in a time.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Start } from './processes.ts'

const CLI = new URL('../src/cli.ts', import.meta.url).pathname

export const rateProxies: Readonly<Record<string, Start>> = {
  weir: ({ backendPort, flags }, { rate }) => [
    process.execPath,
    CLI,
    '--workers=1',
    '--admin=off',
    '--no-connection-log',
    '--log-level=error',
    `--listen=tcp://127.0.0.1:${rate}`,
    `--backend=tcp://127.0.0.1:${backendPort}`,
    '--connection-rate=0.01',
    '--connection-burst=1',
    '--probe=none',
    ...flags,
  ],
  haproxy: ({ directory, backendPort }, { rate }) => {
    const file = join(directory, 'haproxy-rate.cfg')
    writeFileSync(
      file,
      `global
  nbthread 1
  maxconn 9000
defaults
  mode tcp
  timeout connect 5s
  timeout client 600s
  timeout server 600s
listen rate
  bind 127.0.0.1:${rate} backlog 4096
  stick-table type ip size 128k expire 200s store conn_rate(100s)
  tcp-request connection track-sc0 src
  tcp-request connection reject if { sc_conn_rate(0) gt 1 }
  server s 127.0.0.1:${backendPort}
`,
    )
    return ['haproxy', '-db', '-q', '-f', file]
  },
}
