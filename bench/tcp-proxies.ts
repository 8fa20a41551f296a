/** The proxies of connections, doing the same work without access logs. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Start } from './processes.ts'

const CLI = new URL('../src/cli.ts', import.meta.url).pathname

export const tcpProxies: Readonly<Record<string, Start>> = {
  weir: ({ backendPort, cert, key, flags }, { tcp, tls, deny }) => [
    process.execPath,
    CLI,
    '--workers',
    '1',
    '--admin',
    'off',
    '--no-connection-log',
    '--log-level',
    'error',
    '--listen',
    `tcp://127.0.0.1:${tcp}`,
    '--listen',
    `tls://127.0.0.1:${tls}`,
    '--listen',
    `tcp://127.0.0.1:${deny}`,
    '--cert',
    cert,
    '--key',
    key,
    '--backend',
    `tcp://127.0.0.1:${backendPort}`,
    '--connection-rate',
    '60000',
    '--connection-burst',
    '1000000',
    '--handshake-rate',
    '60000',
    '--handshake-burst',
    '1000000',
    '--host-handshake-rate',
    '0',
    '--connections-per-address',
    '0',
    '--deny',
    '127.0.0.2',
    '--probe',
    'none',
    ...flags,
  ],
  haproxy: ({ directory, backendPort, cert, key }, { tcp, tls, deny }) => {
    const pem = join(directory, 'haproxy.pem')
    writeFileSync(pem, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'))
    const file = join(directory, 'haproxy.cfg')
    const table =
      'stick-table type ip size 128k expire 60s store conn_rate(1s)\n  tcp-request connection track-sc0 src\n  tcp-request connection reject if { sc_conn_rate(0) gt 60000 }'
    writeFileSync(
      file,
      `global
  nbthread 1
  maxconn 9000
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode tcp
  timeout connect 5s
  timeout client 600s
  timeout server 600s
listen tcp
  bind 127.0.0.1:${tcp} backlog 4096
  ${table}
  server s 127.0.0.1:${backendPort}
listen tls
  bind 127.0.0.1:${tls} backlog 4096 ssl crt ${pem} curves X25519:P-256
  ${table}
  server s 127.0.0.1:${backendPort}
listen deny
  bind 127.0.0.1:${deny} backlog 4096
  tcp-request connection reject if { src 127.0.0.2 }
  server s 127.0.0.1:${backendPort}
`,
    )
    return ['haproxy', '-db', '-q', '-f', file]
  },
  nginx: ({ directory, backendPort, cert, key }, { tcp, tls, deny }) => {
    const file = join(directory, 'nginx.conf')
    writeFileSync(
      file,
      `load_module /usr/lib/nginx/modules/ngx_stream_module.so;
worker_processes 1;
daemon off;
master_process off;
pid ${join(directory, 'nginx.pid')};
error_log ${join(directory, 'nginx.log')} error;
events { worker_connections 18000; }
stream {
  limit_conn_zone $binary_remote_addr zone=address:10m;
  limit_conn address 60000;
  proxy_timeout 600s;
  server { listen 127.0.0.1:${tcp} backlog=4096; proxy_pass 127.0.0.1:${backendPort}; }
  server { listen 127.0.0.1:${tls} backlog=4096 ssl; ssl_certificate ${cert}; ssl_certificate_key ${key};
    ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:P-256; proxy_pass 127.0.0.1:${backendPort}; }
  server { listen 127.0.0.1:${deny} backlog=4096; deny 127.0.0.2; proxy_pass 127.0.0.1:${backendPort}; }
}
`,
    )
    return ['nginx', '-e', join(directory, 'nginx.log'), '-c', file]
  },
}
