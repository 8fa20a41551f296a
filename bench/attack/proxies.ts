/**
 * The proxies that are attacked, at the same limits and doing the same work: a line for each request that was
 * served, none for what is refused (weir: ten a second of each reason), X-Forwarded-For, kept connections to the
 * backend, the same suites and curves.
 *
 * What each of them can say only in its own way: HAProxy counts over the time that a burst stands for, nginx knows
 * no rate of connections at all, and neither limits the handshakes of an address by themselves. Those of all addresses
 * HAProxy holds to a rate by accepting nobody for a while, whoever it is.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Ports } from '../processes.ts'
import type { Limits } from './limits.ts'

const CLI = new URL('../../src/cli.ts', import.meta.url).pathname

export interface Setting {
  readonly limits: Limits
  readonly directory: string
  readonly backendPort: number
  readonly cert: string
  readonly key: string
  readonly log: string
  /** Where it tells what it counted: a port of weir, a socket of HAProxy. */
  readonly adminPort: number
  readonly adminSocket: string
  /** Clients must show this key; '' for none. */
  readonly apiKey: string
  /** The same as a file of weir. */
  readonly keysFile: string
  /** Further flags of weir. */
  readonly flags: readonly string[]
}

/** Whoever comes from the loopback is spared unless another is. */
const EXEMPT = '--ban-exempt=127.0.2.0/24'

export const attackedProxies = {
  weir: (setting, ports) => weir(setting, ports, ['--ban-threshold=0']),
  'weir with bans': (setting, ports) => weir(setting, ports, [EXEMPT]),
  'weir with kernel bans': (setting, ports) =>
    weir(setting, ports, [
      EXEMPT,
      '--kernel-bans=nftables',
      `--kernel-bans-socket=${join(setting.directory, 'kernel-bans.sock')}`,
    ]),
  haproxy: (setting, ports) => haproxy(setting, ports),
  /** As weir does by itself (`--request-buffer`). */
  'haproxy that buffers': (setting, ports) => haproxy(setting, ports, 'option http-buffer-request'),
  nginx,
} as const satisfies Record<string, (setting: Setting, ports: Ports) => string[]>

export type AttackedName = keyof typeof attackedProxies

function weir(setting: Setting, { http, https }: Ports, bans: readonly string[]): string[] {
  const { limits, backendPort, cert, key, adminPort, apiKey, keysFile, flags } = setting
  return [
    process.execPath,
    CLI,
    '--workers=1',
    `--admin=127.0.0.1:${adminPort}`,
    `--listen=http://127.0.0.1:${http}`,
    `--listen=http://[::1]:${http}`,
    `--listen=https://127.0.0.1:${https}`,
    `--cert=${cert}`,
    `--key=${key}`,
    `--backend=http://127.0.0.1:${backendPort}`,
    '--probe=none',
    '--backend-idle-timeout=1s',
    '--forwarded-fields=x-forwarded',
    '--traceparent=off',
    `--connection-rate=${limits.connectionRate}`,
    `--connection-burst=${limits.connectionBurst}`,
    `--connections-per-address=${limits.connectionsPerAddress}`,
    `--handshake-rate=${limits.handshakeRate}`,
    `--handshake-burst=${limits.handshakeBurst}`,
    `--host-handshake-rate=${limits.hostHandshakeRate}`,
    `--host-handshake-burst=${limits.hostHandshakeBurst}`,
    `--request-rate=${limits.requestRate}`,
    `--request-burst=${limits.requestBurst}`,
    `--head-timeout=${limits.headSeconds}s`,
    `--body-timeout=${limits.bodySeconds}s`,
    `--write-timeout=${limits.writeSeconds}s`,
    `--keep-alive-timeout=${limits.keepAliveSeconds}s`,
    `--auth-failure-rate=${limits.failureRate}`,
    `--auth-failure-burst=${limits.failureBurst}`,
    ...(apiKey === '' ? [] : [`--api-keys=${keysFile}`, '--auth=api-key']),
    ...bans,
    ...flags,
  ]
}

/** Proxies that are attacked only where an attack names them. */
export const special: readonly AttackedName[] = ['haproxy that buffers']

function haproxy(setting: Setting, { http, https }: Ports, option = ''): string[] {
  const { limits, directory, backendPort, cert, key, adminSocket, apiKey } = setting
  const pem = join(directory, 'haproxy.pem')
  writeFileSync(pem, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'))
  const connections = above('conn_rate', limits.connectionRate, limits.connectionBurst)
  const handshakes = above(
    'conn_rate',
    Math.min(limits.connectionRate, limits.handshakeRate),
    Math.min(limits.connectionBurst, limits.handshakeBurst),
  )
  const requests = above('http_req_rate', limits.requestRate, limits.requestBurst)
  const failures = above('gpc0_rate', limits.failureRate, limits.failureBurst)
  const guess = `http-request deny deny_status 429 if { sc0_${failures.test} }
  http-request sc-inc-gpc0(0) unless { req.hdr(x-api-key) -m str ${apiKey} }
  http-request deny deny_status 401 unless { req.hdr(x-api-key) -m str ${apiKey} }`
  const frontend = (name: string, binds: string, rate: Rate): string => `
frontend ${name}
  ${binds}
  stick-table type ipv6 size 128k expire 60s store ${rate.store},conn_cur,${requests.store},${failures.store}
  tcp-request connection track-sc0 src
  tcp-request connection reject if { sc0_${rate.test} }
  tcp-request connection reject if { sc0_conn_cur gt ${limits.connectionsPerAddress} }
  http-request set-log-level silent if { sc0_${requests.test} }
  http-request deny deny_status 429 if { sc0_${requests.test} }
  ${apiKey === '' ? '' : guess}
  default_backend pool
`
  const file = join(directory, 'haproxy-attack.cfg')
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 9000
  maxsslrate ${limits.hostHandshakeRate}
  no strict-limits
  log stdout format raw local0
  stats socket ${adminSocket} mode 600
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
  log global
  option httplog
  ${option}
  option dontlognull
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client ${limits.writeSeconds}s
  timeout server 60s
  timeout http-request ${limits.headSeconds}s
  timeout http-keep-alive ${limits.keepAliveSeconds}s
${frontend('http', `bind 127.0.0.1:${http} backlog 4096\n  bind [::1]:${http} backlog 4096`, connections)}
${frontend('https', `bind 127.0.0.1:${https} backlog 4096 ssl crt ${pem} curves X25519:P-256 alpn http/1.1`, handshakes)}
backend pool
  server s 127.0.0.1:${backendPort} pool-purge-delay 1s
`,
  )
  return ['haproxy', '-db', '-f', file]
}

interface Rate {
  readonly store: string
  readonly test: string
}

/** As many within the time that the rate takes for them: the nearest to a bucket that HAProxy has. */
function above(counter: string, rate: number, burst: number): Rate {
  return {
    store: `${counter}(${Math.round((burst / rate) * 1000)}ms)`,
    test: `${counter} gt ${burst}`,
  }
}

function nginx(setting: Setting, { http, https }: Ports): string[] {
  const { limits, directory, backendPort, cert, key, log } = setting
  const file = join(directory, 'nginx-attack.conf')
  writeFileSync(
    file,
    `worker_processes 1;
daemon off;
master_process off;
user root;
pid ${join(directory, 'nginx-attack.pid')};
error_log ${join(directory, 'nginx-attack.log')} crit;
worker_rlimit_nofile 20000;
events { worker_connections 19000; }
http {
  map $status $served { 429 0; 503 0; default 1; }
  access_log ${log} combined buffer=64k flush=1s if=$served;
  client_body_temp_path ${directory};
  proxy_temp_path ${directory};
  fastcgi_temp_path ${directory};
  uwsgi_temp_path ${directory};
  scgi_temp_path ${directory};
  limit_req_zone $binary_remote_addr zone=requests:10m rate=${limits.requestRate}r/s;
  limit_req zone=requests burst=${limits.requestBurst} nodelay;
  limit_req_status 429;
  limit_req_log_level info;
  limit_conn_zone $binary_remote_addr zone=connections:10m;
  limit_conn connections ${limits.connectionsPerAddress};
  limit_conn_log_level info;
  client_header_timeout ${limits.headSeconds}s;
  client_body_timeout ${limits.bodySeconds}s;
  send_timeout ${limits.writeSeconds}s;
  keepalive_timeout ${limits.keepAliveSeconds}s;
  keepalive_requests 10000;
  client_max_body_size 0;
  proxy_http_version 1.1;
  proxy_request_buffering off;
  proxy_max_temp_file_size 0;
  proxy_buffers 16 16k;
  proxy_set_header Connection "";
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  upstream backend { server 127.0.0.1:${backendPort}; keepalive 256; keepalive_timeout 1s; }
  server {
    listen 127.0.0.1:${http} backlog=4096;
    listen [::1]:${http} backlog=4096;
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
  return ['nginx', '-e', join(directory, 'nginx-attack.log'), '-c', file]
}
