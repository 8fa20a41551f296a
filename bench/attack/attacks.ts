/** THE LIST of attacks. To add one: add its row here, and to behaviours.ts what the attacker does. */
import type { Attack } from './attack.ts'

/**
 * All addresses of a /24, at a pace of 16 connections a second each: within the limit, so that all proxies let in all of
 * them. It has as many at once as a proxy needs that is behind for 50 ms.
 */
const network = { source: 'network', concurrency: 200, perSecond: 4000 } as const

/** Slow clients stay below every rate: it is their time that is to be limited. */
const slow = {
  event: 'connection',
  port: 'http',
  source: 'network',
  concurrency: 2000,
  perSecond: 1200,
} as const

export const attacks = {
  'connect-flood': {
    about: 'connections, one address',
    event: 'connection',
    port: 'http',
    behaviour: 'connect',
    source: 'one',
    bans: true,
    concurrency: 64,
  },
  'handshake-flood': {
    about: 'TLS handshakes, one address',
    event: 'connection',
    port: 'https',
    behaviour: 'hello',
    source: 'one',
    bans: true,
    concurrency: 64,
  },
  'request-flood': {
    about: 'requests, one address',
    event: 'request',
    port: 'http',
    behaviour: 'request',
    source: 'one',
    bans: true,
    concurrency: 30,
  },
  'connect-flood-network': {
    about: 'connections, a /24',
    event: 'connection',
    port: 'http',
    behaviour: 'connect',
    ...network,
  },
  'handshake-flood-network': {
    about: 'TLS handshakes, a /24',
    event: 'connection',
    port: 'https',
    behaviour: 'hello',
    ...network,
    // Of the ten a second that each address may start.
    perSecond: 2000,
  },
  'handshake-flood-distributed': {
    about: 'TLS handshakes, 1000 addresses of 250 networks',
    event: 'connection',
    port: 'https',
    behaviour: 'hello',
    source: 'thousand',
    concurrency: 200,
    perSecond: 4000,
    successMin: 0.99,
  },
  'request-flood-network': {
    about: 'requests, a /24',
    event: 'request',
    port: 'http',
    behaviour: 'request',
    ...network,
  },
  idle: {
    ...slow,
    about: '2000 connections that say nothing',
    behaviour: 'silent',
  },
  slowloris: {
    ...slow,
    about: '2000 heads that never end',
    behaviour: 'head',
  },
  'slow-body': {
    ...slow,
    about: '2000 bodies that never end',
    behaviour: 'body',
    backend: 'sink',
    besides: ['haproxy that buffers'],
  },
  'slow-read': {
    ...slow,
    about: '300 clients that read nothing of 3 MiB',
    behaviour: 'read',
    backend: 'files',
    // The kernel has their 3 MiB each.
    concurrency: 300,
    perSecond: 150,
  },
  'churn-ipv4': {
    about: 'a request each from addresses of 127.0.0.0/8',
    event: 'connection',
    port: 'http',
    behaviour: 'once',
    source: 'ipv4',
    concurrency: 64,
    perSecond: 4000,
  },
  'churn-ipv6': {
    about: 'a request each from addresses of a /48',
    event: 'connection',
    port: 'http',
    behaviour: 'once',
    source: 'ipv6',
    concurrency: 64,
    perSecond: 4000,
  },
  'key-guessing': {
    about: 'an API key each, one address',
    event: 'request',
    port: 'http',
    behaviour: 'guess',
    source: 'one',
    concurrency: 30,
    keys: true,
    bans: true,
    // nginx knows no rate of what it refused.
    proxies: ['weir', 'weir with bans', 'weir with kernel bans', 'haproxy'],
  },
  'large-heads': {
    about: 'heads of 20 KB, a /24',
    event: 'connection',
    port: 'http',
    behaviour: 'largeHead',
    ...network,
  },
  'reset-churn': {
    about: 'a request and RST, a /24',
    event: 'connection',
    port: 'http',
    behaviour: 'reset',
    ...network,
  },
} as const satisfies Record<string, Attack>
