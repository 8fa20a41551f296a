/** Deadlines of sessions. */
import type { Flag } from '../flag.ts'
import { DAY, HOUR, SECOND } from './units.ts'

export const timeoutsFlags = {
  'connect-timeout': {
    group: 'Timeouts',
    kind: 'duration',
    scope: 'pool',
    value: 'TIME',
    default: '5s',
    min: 50,
    max: 5 * 60 * SECOND,
    help: 'Longest dial of one backend, TLS included',
  },
  'idle-timeout': {
    group: 'Timeouts',
    kind: 'duration',
    scope: 'process',
    value: 'TIME',
    default: '10m',
    min: 100,
    max: 7 * HOUR,
    zero: true,
    help: 'End a session after this long without a byte either way; 0 never',
  },
  'drain-timeout': {
    group: 'Timeouts',
    kind: 'duration',
    scope: 'process',
    value: 'TIME',
    default: '30s',
    min: 0,
    max: DAY,
    help: 'How long running sessions may go on after SIGTERM',
  },
} as const satisfies Record<string, Flag>
