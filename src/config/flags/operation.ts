/** How weir is watched. */
import type { Flag } from '../flag.ts'

export const operationFlags = {
  admin: {
    group: 'Operation',
    kind: 'endpoint',
    scope: 'process',
    value: 'HOST:PORT',
    default: '127.0.0.1:9090',
    help: 'Serve /metrics, /healthz and /readyz here; off turns it off',
  },
  'admin-socket': {
    group: 'Operation',
    kind: 'text',
    scope: 'process',
    value: 'PATH',
    default: '',
    help: 'Unix socket, of mode 0600, by which a weir that runs is asked and told: weir bans, why and top',
  },
  'log-level': {
    group: 'Operation',
    kind: 'choice',
    scope: 'process',
    value: 'LEVEL',
    default: 'info',
    choices: ['debug', 'info', 'warn', 'error', 'silent'],
    help: 'Least severe log lines to write',
  },
  'connection-log': {
    group: 'Operation',
    kind: 'boolean',
    scope: 'process',
    value: '',
    default: 'true',
    help: 'Write a line per connection and HTTP request at its end',
  },
  'access-format': {
    group: 'Operation',
    kind: 'choice',
    scope: 'process',
    value: 'FORM',
    default: 'json',
    choices: ['json', 'combined'],
    help: 'Form of the line per HTTP request: JSON as all other lines, without the query; or the combined format of Apache and nginx, with it',
  },
} as const satisfies Record<string, Flag>
