/** What stands behind the proxies; each a process on the processor of the load. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { end, freePort, spawnLoad, spawnProgram, waitForListener } from './processes.ts'
import { firstLine } from './line.ts'

const MIB = 1024 * 1024

/**
 * `echo` speaks TCP and a little HTTP; `files` is nginx with `ok` at `/` and bodies of 1 and 100 MiB at `/1m`
 * and `/100m`; `sink` swallows bodies.
 */
export type BackendName = 'echo' | 'files' | 'sink'

export interface Backend {
  readonly port: number
  stop(): Promise<void>
}

/** @throws if it does not listen within 10 s */
export function startBackend(name: BackendName, directory: string): Promise<Backend> {
  if (name === 'files') return startFiles(join(directory, 'files'))
  return startOwn(name === 'echo' ? 'backend' : 'sink')
}

async function startOwn(kind: string): Promise<Backend> {
  const child = spawnLoad([kind])
  const { port } = JSON.parse(await firstLine(child)) as { port: number }
  return { port, stop: () => end(child) }
}

async function startFiles(directory: string): Promise<Backend> {
  const port = await freePort()
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, '1m'), Buffer.alloc(MIB, 1))
  writeFileSync(join(directory, '100m'), Buffer.alloc(100 * MIB, 1))
  const file = join(directory, 'nginx.conf')
  writeFileSync(
    file,
    `worker_processes 1;
daemon off;
master_process off;
user root;
pid ${join(directory, 'nginx.pid')};
error_log ${join(directory, 'nginx.log')} error;
worker_rlimit_nofile 20000;
events { worker_connections 19000; }
http {
  access_log off;
  client_body_temp_path ${directory};
  proxy_temp_path ${directory};
  fastcgi_temp_path ${directory};
  uwsgi_temp_path ${directory};
  scgi_temp_path ${directory};
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  sendfile on;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${directory};
    location = / { return 200 'ok'; }
  }
}
`,
  )
  const child = spawnProgram('nginx', ['-e', join(directory, 'nginx.log'), '-c', file])
  await waitForListener(port, child, 'nginx as backend')
  return { port, stop: () => end(child) }
}
