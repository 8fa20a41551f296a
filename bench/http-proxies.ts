/**
 * The proxies of requests. All do the same: a request rate per address that is never reached, X-Forwarded-For,
 * a line per request to a file, kept connections to the backend, the same suites and curves.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Ports, ProxyOptions, Start } from './processes.ts'

const CLI = new URL('../src/cli.ts', import.meta.url).pathname
const NODE_PROXY = new URL('node-proxy.ts', import.meta.url).pathname

export const httpProxies: Readonly<Record<string, Start>> = {
  weir: ({ backendPort, cert, key, flags }, { http, https }) => [
    process.execPath,
    CLI,
    '--workers=1',
    '--admin=off',
    `--listen=http://127.0.0.1:${http}`,
    `--listen=https://127.0.0.1:${https}`,
    `--cert=${cert}`,
    `--key=${key}`,
    `--backend=http://127.0.0.1:${backendPort}`,
    '--connection-rate=60000',
    '--connection-burst=1000000',
    '--handshake-rate=60000',
    '--handshake-burst=1000000',
    '--host-handshake-rate=0',
    '--connections-per-address=100000',
    '--request-rate=65536',
    '--requests-per-address=100000',
    '--request-burst=100000',
    '--requests-per-connection=1000000000',
    '--keep-alive-timeout=10m',
    '--backend-idle-max=256',
    '--probe=none',
    // As the others: no Forwarded, no trace.
    '--forwarded-fields=x-forwarded',
    '--traceparent=off',
    ...flags,
  ],
  haproxy: ({ directory, backendPort, cert, key }, { http, https }) => {
    const pem = join(directory, 'haproxy.pem')
    writeFileSync(pem, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'))
    const file = join(directory, 'haproxy-http.cfg')
    // `always`, as the others: `safe` dials anew for the first request of each client connection.
    writeFileSync(
      file,
      `global
  nbthread 1
  maxconn 12000
  no strict-limits
  log stdout format raw local0
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
  log global
  option httplog
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-request 10s
  timeout http-keep-alive 600s
listen http
  bind 127.0.0.1:${http} backlog 4096
  bind 127.0.0.1:${https} backlog 4096 ssl crt ${pem} curves X25519:P-256 alpn http/1.1
  stick-table type ip size 128k expire 60s store http_req_rate(1s)
  http-request track-sc0 src
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 1000000 }
  server s 127.0.0.1:${backendPort}
`,
    )
    return ['haproxy', '-db', '-f', file]
  },
  nginx: ({ directory, backendPort, cert, key, log }, { http, https }) => {
    const file = join(directory, 'nginx-http.conf')
    writeFileSync(
      file,
      `worker_processes 1;
daemon off;
master_process off;
pid ${join(directory, 'nginx-http.pid')};
error_log ${join(directory, 'nginx.log')} error;
worker_rlimit_nofile 20000;
events { worker_connections 19000; }
http {
  access_log ${log} combined buffer=64k flush=1s;
  client_body_temp_path ${directory};
  proxy_temp_path ${directory};
  fastcgi_temp_path ${directory};
  uwsgi_temp_path ${directory};
  scgi_temp_path ${directory};
  limit_req_zone $binary_remote_addr zone=requests:10m rate=1000000r/s;
  limit_req zone=requests burst=1000000 nodelay;
  limit_req_status 429;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  proxy_http_version 1.1;
  proxy_request_buffering off;
  proxy_max_temp_file_size 0;
  proxy_buffers 16 16k;
  proxy_set_header Connection "";
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  upstream backend { server 127.0.0.1:${backendPort}; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${http} backlog=4096;
    listen 127.0.0.1:${https} backlog=4096 ssl;
    ssl_certificate ${cert};
    ssl_certificate_key ${key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ecdh_curve X25519:P-256;
    location / { proxy_pass http://backend; }
  }
}
`,
    )
    return ['nginx', '-e', join(directory, 'nginx.log'), '-c', file]
  },
  'http-proxy-3': (options, ports) => nodeProxy('http-proxy-3', options, ports),
  fastify: (options, ports) => nodeProxy('fastify', options, ports),
}

function nodeProxy(
  kind: string,
  { backendPort, cert, key, log }: ProxyOptions,
  { http, https }: Ports,
): string[] {
  return [
    process.execPath,
    NODE_PROXY,
    kind,
    ...[http, https, backendPort].map(String),
    cert,
    key,
    log,
  ]
}
