/** What weir is to bear; part of scenarios.ts, and run by `npm run bench:attack`. */
import type { Scenario } from './scenario.ts'

const slow = {
  unit: '99 of 100 requests of a client that behaves',
  program: 'slowhttptest',
  port: 'http',
  count: 2000,
  concurrency: 1,
  measure: 'attack',
  limit: 50,
} as const

export const attackScenarios = {
  'slow-head': {
    ...slow,
    about: '2000 heads that never end (slowhttptest -H)',
    load: 'slow-head',
    backend: 'sink',
  },
  'slow-body': {
    ...slow,
    about: '2000 bodies that never end (slowhttptest -B)',
    load: 'slow-body',
    backend: 'sink',
  },
  'slow-read': {
    ...slow,
    about: '2000 clients that hardly read (slowhttptest -X)',
    load: 'slow-read',
    backend: 'files',
  },
} as const satisfies Record<string, Scenario>
