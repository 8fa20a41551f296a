/** What backends are told of clients, and clients of the site. */
import type { Flag } from '../flag.ts'
import { DAY } from './units.ts'

export const forwardingFlags = {
  'forwarded-from': {
    group: 'Forwarding',
    kind: 'cidrs',
    scope: 'listener',
    value: 'CIDR',
    help: 'Proxies in front whose word on the client counts (Forwarded, X-Forwarded fields, request ids); of others it is dropped; repeatable',
  },
  'forwarded-read': {
    group: 'Forwarding',
    kind: 'choice',
    scope: 'process',
    value: 'FORM',
    default: 'both',
    choices: ['x-forwarded', 'forwarded', 'both'],
    help: 'What the proxies of --forwarded-from write themselves: the other form is dropped; with both, a request where they differ counts as of the proxy itself',
  },
  'forwarded-fields': {
    group: 'Forwarding',
    kind: 'choice',
    scope: 'process',
    value: 'FORM',
    default: 'both',
    choices: ['x-forwarded', 'forwarded', 'both'],
    help: 'How backends are told who asks: X-Forwarded-For, -Proto and -Host, Forwarded (RFC 7239), or both',
  },
  traceparent: {
    group: 'Forwarding',
    kind: 'choice',
    scope: 'process',
    value: 'RULE',
    default: 'trusted',
    choices: ['trusted', 'continue', 'off'],
    help: 'W3C trace context: continued for the proxies of --forwarded-from and begun for others, continued for everybody, or left alone',
  },
  hsts: {
    group: 'Forwarding',
    kind: 'duration',
    scope: 'listener',
    value: 'TIME',
    default: '0',
    min: 1000,
    max: 3650 * DAY,
    zero: true,
    help: 'Strict-Transport-Security on https:// listeners, for this long; 0 is none',
  },
  'hsts-subdomains': {
    group: 'Forwarding',
    kind: 'boolean',
    scope: 'listener',
    value: '',
    default: 'false',
    help: 'Strict-Transport-Security for all subdomains as well',
  },
  'hsts-preload': {
    group: 'Forwarding',
    kind: 'boolean',
    scope: 'listener',
    value: '',
    default: 'false',
    help: 'Strict-Transport-Security asks for a place in the browsers own lists',
  },
} as const satisfies Record<string, Flag>
