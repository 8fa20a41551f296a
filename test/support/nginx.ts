/** nginx with the files of a folder. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { freePort } from './free-port.ts'
import { until } from './until.ts'

/** @returns its URL */
export async function startNginx(t: Test, directory: string): Promise<string> {
  // nginx cannot be told to choose one.
  const port = await freePort()
  const conf = join(directory, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  // Its worker is another user than root.
  chmodSync(directory, 0o755)
  writeFileSync(
    conf,
    `worker_processes 1;
daemon off;
pid ${join(directory, 'nginx.pid')};
error_log stderr error;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 1000; }
http {
  access_log off;
  ${temporary.map(name => `${name}_temp_path ${join(directory, name)};`).join('\n  ')}
  keepalive_requests 1000000;
  server { listen 127.0.0.1:${port}; root ${directory}; }
}
`,
  )
  const path = `${process.env['PATH']}:/usr/sbin`
  const child = spawn('nginx', ['-e', 'stderr', '-c', conf], {
    env: { ...process.env, PATH: path },
    stdio: 'ignore',
  })
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'close')
  })
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}`)
    return await listens(port)
  }, 'nginx listens')
  return `http://127.0.0.1:${port}`
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const { promise, resolve } = Promise.withResolvers<boolean>()
  socket.on('connect', () => resolve(true))
  socket.on('error', () => resolve(false))
  return await promise.finally(() => socket.destroy())
}
