/** Certificates, suites, and the deadlines before a client may speak. */
import type { Flag } from '../flag.ts'
import { DAY, SECOND } from './units.ts'

export const tlsFlags = {
  cert: {
    group: 'TLS',
    kind: 'paths',
    scope: 'process',
    value: 'FILE',
    help: 'Certificate with its chain, PEM; chosen by server name, the first is the default; repeatable',
  },
  key: {
    group: 'TLS',
    kind: 'paths',
    scope: 'process',
    value: 'FILE',
    help: 'Private key of the --cert in the same place; repeatable',
  },
  'tls-profile': {
    group: 'TLS',
    kind: 'choice',
    scope: 'process',
    value: 'NAME',
    default: 'intermediate',
    choices: ['intermediate', 'modern'],
    help: 'intermediate: TLS 1.2 and 1.3; modern: TLS 1.3 only; both ECDHE with AEAD only',
  },
  alpn: {
    group: 'TLS',
    kind: 'texts',
    scope: 'listener',
    value: 'NAME',
    help: 'Application protocols to agree on; a client that offers only others is refused; repeatable',
  },
  'strict-sni': {
    group: 'TLS',
    kind: 'boolean',
    scope: 'process',
    value: '',
    default: 'false',
    help: 'Refuse server names no certificate covers instead of serving the first certificate',
  },
  'hello-timeout': {
    group: 'TLS',
    kind: 'duration',
    scope: 'process',
    value: 'TIME',
    default: '5s',
    min: 100,
    max: 60 * SECOND,
    help: 'Longest wait for a whole ClientHello',
  },
  'handshake-timeout': {
    group: 'TLS',
    kind: 'duration',
    scope: 'process',
    value: 'TIME',
    default: '8s',
    min: 100,
    max: 120 * SECOND,
    help: 'Longest TLS handshake after the ClientHello',
  },
  'ticket-rotation': {
    group: 'TLS',
    kind: 'duration',
    scope: 'process',
    value: 'TIME',
    default: '12h',
    min: SECOND,
    max: 3 * DAY,
    help: 'New session-ticket keys this often; the previous ones count for as long again',
  },
} as const satisfies Record<string, Flag>
