/** What comes in, where it goes, and how it is spread. */
import { balancers } from '../../balance/balancers.ts'
import type { Flag } from '../flag.ts'

export const trafficFlags = {
  listen: {
    group: 'Traffic',
    kind: 'urls',
    scope: 'process',
    value: 'URL',
    help: 'Accept here: tcp://ADDR:PORT (plain), tls://… (terminate TLS), sni://… (route by server name, TLS stays whole), http://… or https://… (look at each request; http://…?redirect=https answers with 308); repeatable',
  },
  backend: {
    group: 'Traffic',
    kind: 'urls',
    scope: 'process',
    value: 'URL',
    help: 'Send there: tcp://HOST:PORT, tls://…, http://… or https://… with ?weight=1..256 ?backup ?drain ?max-connections=N ?ca=FILE ?sni=NAME ?insecure; repeatable',
  },
  balance: {
    group: 'Traffic',
    kind: 'choice',
    scope: 'pool',
    value: 'NAME',
    default: 'least-connections',
    choices: Object.keys(balancers),
    help: 'How a backend is chosen',
  },
  workers: {
    group: 'Traffic',
    kind: 'count',
    scope: 'process',
    value: 'N',
    min: 1,
    max: 64,
    help: 'Data-plane threads; as many as there are processors unless given',
  },
  'send-proxy': {
    group: 'Traffic',
    kind: 'choice',
    scope: 'pool',
    value: 'VERSION',
    default: 'off',
    choices: ['off', 'v1', 'v2'],
    help: 'Tell backends who the client is with a PROXY header',
  },
  'proxy-protocol-from': {
    group: 'Traffic',
    kind: 'cidrs',
    scope: 'listener',
    value: 'CIDR',
    help: 'Connections from these begin with a PROXY header (v1 or v2); from others none is read; repeatable',
  },
  config: {
    group: 'Traffic',
    kind: 'text',
    scope: 'process',
    value: 'FILE',
    help: 'Read settings from this YAML file; flags win over environment over file',
  },
} as const satisfies Record<string, Flag>
