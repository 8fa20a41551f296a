/**
 * `weir demo`: a development certificate, three backends and a TLS listener in front of them, and
 * what to try with it.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ensureDevelopmentCertificate } from './certificate/development.ts'
import { loadConfig } from './config/load.ts'
import { serve } from './main.ts'

const BACKENDS = ['red', 'green', 'blue'] as const
const CERTIFICATES = new URL('../certs/dev', import.meta.url).pathname

/** @returns the exit code, once it has been stopped */
export async function demo(print: (line: string) => void): Promise<number> {
  const { authority, cert, key } = ensureDevelopmentCertificate(CERTIFICATES)
  const backends = await Promise.all(BACKENDS.map(startBackend))
  const loaded = loadConfig({
    flags: {
      listen: ['tls://localhost:8443'],
      backend: backends.map(server => `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`),
      cert: [cert],
      key: [key],
      admin: '127.0.0.1:9090',
      'drain-timeout': '1s',
    },
    env: {},
  })
  if ('problems' in loaded) {
    for (const { where, message } of loaded.problems) print(`${where}: ${message}`)
    return 2
  }
  print(`
  weir demo: TLS on https://localhost:8443, balanced over ${BACKENDS.join(', ')}

    curl --cacert ${authority} https://localhost:8443/        # again and again: each backend in turn
    curl http://127.0.0.1:9090/metrics                        # what it counts
    curl http://127.0.0.1:9090/readyz                         # whether it takes traffic
    for i in $(seq 60); do curl -sk -m 2 https://localhost:8443/ || break; done   # flood it: refused

  Ctrl-C drains and stops. What follows is its log.
`)
  const exitCode = await serve(loaded.config, loaded.warnings)
  for (const server of backends) server.close()
  return exitCode
}

function startBackend(color: string): Promise<Server> {
  const { promise, resolve } = Promise.withResolvers<Server>()
  const server = createServer((_, response) => response.end(`hello from ${color}\n`))
  server.listen(0, '127.0.0.1', () => resolve(server))
  return promise
}
