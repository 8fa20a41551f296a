/**
 * The root of the data plane: builds one thread's guards, pools, TLS contexts and listeners, in that
 * order, and hears what main has to say. Everything that runs per connection is in proxy/.
 */
import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { performance } from 'node:perf_hooks'
import { createSecureContext } from 'node:tls'
import { parentPort, workerData } from 'node:worker_threads'
import { ApiKeys } from './auth/api-key.ts'
import { DpopProofs } from './auth/dpop.ts'
import { Mtls } from './auth/mtls.ts'
import { Policy, type PolicyRules } from './auth/policy.ts'
import type { Scheme } from './auth/scheme.ts'
import { Breaker } from './balance/breaker.ts'
import { balancers } from './balance/balancers.ts'
import { Candidates } from './balance/candidates.ts'
import { Concurrency } from './balance/concurrency.ts'
import { Outlier } from './balance/outlier.ts'
import {
  type BackendConfig,
  type ListenerConfig,
  type PoolConfig,
  type RouteConfig,
  speaksHttp,
  terminatesTls,
  usesTls,
} from './config/config.ts'
import type { MainMessage, WorkerMessage, WorkerStart } from './config/messages.ts'
import { descriptorLimitNow, openDescriptors } from './config/descriptors.ts'
import { banExempt } from './config/exempt.ts'
import { Memory } from './config/memory.ts'
import { CidrSet, parseCidr } from './core/cidr-set.ts'
import { ticks } from './core/clock.ts'
import { Actions } from './guard/actions.ts'
import { Admission } from './guard/admission.ts'
import { AuthFailures } from './guard/auth-failures.ts'
import { BodyRate } from './guard/body-rate.ts'
import { IdentityLimits } from './guard/identity-limits.ts'
import type { BanNotice } from './core/ban.ts'
import { Delays } from './guard/delays.ts'
import { GoodRecord } from './guard/good-record.ts'
import { Overload } from './guard/overload.ts'
import { Penalties } from './guard/penalties.ts'
import { RouteRates } from './guard/route-rates.ts'
import { Shadow } from './guard/shadow.ts'
import { Accept } from './proxy/accept.ts'
import { Authorizer } from './proxy/authorizer.ts'
import type { Edge, Entrance } from './proxy/edge.ts'
import { ErrorPages } from './proxy/error-pages.ts'
import { Evictor } from './proxy/evictor.ts'
import { Forwarding } from './proxy/forwarding.ts'
import { HandshakeTurns } from './proxy/handshake-turns.ts'
import { HeldBytes } from './proxy/held-bytes.ts'
import { IdleBackends } from './proxy/idle-backends.ts'
import { Pool } from './proxy/pool.ts'
import { RateLimitFields } from './proxy/rate-limit-fields.ts'
import { RefusalNotes } from './proxy/refusal-notes.ts'
import { Route } from './proxy/route.ts'
import { RouteAccess } from './proxy/route-access.ts'
import { RouteBudgets } from './proxy/route-budgets.ts'
import { Routes } from './proxy/routes.ts'
import { serverNameRoutes } from './proxy/server-name-routes.ts'
import { Sticky } from './proxy/sticky.ts'
import { SessionLog } from './proxy/session-log.ts'
import { Sessions } from './proxy/sessions.ts'
import { TurnAway } from './proxy/turn-away.ts'
import { counterRows, observe } from './shared/counters.ts'
import { freshenAll } from './shared/idle-buckets.ts'
import { openShared } from './shared/layout.ts'
import { Deadlines, STEP_MS } from './transport/deadlines.ts'
import type { BackendTls, DialTarget } from './transport/dial.ts'
import type { ClientCertificateRule } from './transport/handshake.ts'
import { Listener } from './transport/listener.ts'
import { ReadBuffers } from './transport/read-buffer.ts'
import { Tarpit } from './transport/tarpit.ts'
import { TlsContexts } from './transport/tls-contexts.ts'
import { WorkerTokens } from './worker-tokens.ts'

/** In one step of the wheel; more hold all the same, and are not listed. */
const BANS_TOLD_MAX = 1000

assert(parentPort !== null, 'worker.ts runs in a worker thread that main started')
const main = parentPort
const start = workerData as WorkerStart
const { worker, config } = start

const shared = openShared(start.layout, start.memory)
shared.addresses.setOwner(worker)
const slice = shared.counters.slice(worker)
const { at } = shared.counters
const send = (message: WorkerMessage): void => main.postMessage(message)

const targets = config.pools.flatMap(pool => pool.backends.map(backend => target(pool, backend)))
/** By backend. */
const idleLimits = config.pools.flatMap(pool => pool.backends.map(() => pool))
const deadlines = new Deadlines(step)
// Both kinds of lines are of level info.
const logsInfo = config.logLevel === 'info' || config.logLevel === 'debug'
const ring = shared.logs[worker]!
const log = new SessionLog({
  worker,
  sessions: config.connectionLog && logsInfo,
  refusals: logsInfo,
  accessFormat: config.accessFormat,
  hiddenParameter: config.auth.apiKeyQuery,
  write: lines => ring.write(lines),
  wake: () => send({ type: 'log' }),
  drop: lines => {
    slice[at.logLinesDropped]! += lines
  },
})
const shadow = new Shadow(config.guards.shadow, {
  slice,
  at: at.shadowed,
  tell: (refused, tried) => log.shadow(refused, tried),
})
const penalties = new Penalties(shared, { ...config.guards, banExempt: banExempt(config) }, ban => {
  slice[at.banned + ban.refused]!++
  if (bans.length < BANS_TOLD_MAX) bans.push(ban)
})
const goodRecord = new GoodRecord(shared, penalties, config.guards)
const memory = new Memory({ max: config.overload.memoryMax })
const overload = new Overload({
  shared,
  worker,
  rules: config.overload,
  connectionsMax: config.guards.connectionsMax,
  keepAliveMs: config.http.keepAliveTimeoutMs,
  goodRecord,
  penalties,
  shadow,
  sources: {
    memory: () => memory.share(),
    descriptors: () => openDescriptors() / descriptorLimitNow(),
  },
})
const apiKeys = new ApiKeys(config.auth.apiKeyQuery)
const asksWho = config.routes.some(
  ({ auth }) => auth.policy !== null || auth.methods.some(({ policy }) => policy !== null),
)
// Where nobody fails to say who it is no failures are counted.
const guards = asksWho ? config.guards : { ...config.guards, authFailureRate: 0 }
const tokens = new WorkerTokens(start, slice, at, send)
const schemes: readonly Scheme[] = [apiKeys, ...tokens.schemes, new Mtls()]
const limitFields = new RateLimitFields(shared.addresses, { ...config.guards, ...config.http })
const bodyRate =
  guards.bodyRate === 0 ? null : new BodyRate(shared.addresses, guards, shadow, penalties)
const keepsFingerprints = config.connectionLog && logsInfo
const tarpit = new Tarpit(
  deadlines,
  // Each has its share, and one at least.
  Math.ceil(config.guards.tarpitMax / config.workers),
  config.guards.tarpitTimeMs,
)
const actions = new Actions(config.guards.actions, slice, at.actions)
const delays = config.guards.actions.some(each => each.action === 'delay')
  ? new Delays(
      config.guards,
      Math.ceil(config.guards.delayMax / config.workers),
      (refused, taken) => actions.took(refused, taken),
    )
  : null
const edge: Edge = {
  worker,
  config,
  shared,
  admission: new Admission(shared, worker, guards, shadow, penalties, goodRecord, overload, delays),
  goodRecord,
  overload,
  authorizer: authorizer(),
  bodyRate,
  routeBudgets: new RouteBudgets(
    new RouteRates(shared, config.routes, shadow, penalties, delays),
    config.routes,
    limitFields,
    bodyRate,
  ),
  pools: pools(),
  deadlines,
  readBuffers: new ReadBuffers(),
  idleBackends: new IdleBackends(idleLimits, deadlines),
  forwarding: new Forwarding(config.http, config.auth.apiKeyQuery),
  log,
  keepsFingerprints,
  notes: new RefusalNotes(shared, worker, config.guards, keepsFingerprints),
  errorPages: new ErrorPages(start.errorPages),
  turnAway: new TurnAway(actions, tarpit),
  delays,
  handshakeTurns: new HandshakeTurns(),
  limitFields,
  slice,
  at,
  sessions: new Sessions(),
}
const heldPlace = { slice, sums: at.heldBytes, max: at.heldBytesMax }
const heldBytes = new HeldBytes(edge.sessions, heldPlace)
const evictor = new Evictor(edge.sessions, overload, { slice, at: at.overloadEvictions })
const entrances = config.listeners.map(entrance)
const listeners = entrances.map(each => new Listener(new Accept(edge, each), tarpit))
/** Bans of this step that main is to hear of. */
let bans: BanNotice[] = []
let draining = false
let evictions = 0
let overflows = 0

main.on('message', hear)
loadTls(start.certificates, start.tickets)
if (start.apiKeys !== null) apiKeys.load(start.apiKeys)
edge.admission.blocks.load(start.bannedBlocks)
deadlines.start()
void listen()

async function listen(): Promise<void> {
  const ports: number[] = []
  for (const [i, { config: at }] of entrances.entries()) {
    try {
      ports.push(await listeners[i]!.listen({ host: at.host, port: start.ports[i] ?? at.port }))
    } catch (error) {
      send({ type: 'listen-failed', listener: at.name, message: (error as Error).message })
      return
    }
  }
  send({ type: 'listening', ports })
}

function hear(message: MainMessage): void {
  switch (message.type) {
    case 'address':
      moveBackend(message.backend, message.address)
      break
    case 'tickets':
      start.tickets = message.tickets
      loadTls(start.certificates, start.tickets)
      break
    case 'certificates':
      start.certificates = message.certificates
      loadTls(start.certificates, start.tickets)
      break
    case 'api-keys':
      apiKeys.load(message.keys)
      break
    case 'client-authorities':
      start.clientAuthorities = message.authorities
      loadTls(start.certificates, start.tickets)
      break
    case 'issuer-keys':
      tokens.load(message.sets)
      break
    case 'keys-looked':
      tokens.looked(message.issuer, message.askAgainInMs)
      break
    case 'banned-blocks':
      edge.admission.blocks.load(message.blocks)
      break
    case 'drain':
      draining = true
      // After one more turn of the loop: what waits in the accept queue is reset by closing.
      setImmediate(() => {
        for (const listener of listeners) listener.close()
        for (const session of edge.sessions) session.drain()
        edge.idleBackends.clear()
        tarpit.close()
      })
      break
    case 'stop':
      for (const session of edge.sessions) session.cut()
      break
  }
}

function moveBackend(backend: number, address: string): void {
  const target = targets[backend]!
  target.address = address
  edge.idleBackends.purge(backend)
  // And those that were being dialed at the old address.
  setTimeout(() => edge.idleBackends.purge(backend), target.timeoutMs)
}

/** Each step of the wheel: sign of life, housekeeping, and whether a drain is over. */
function step(lateMs: number): void {
  shared.workers.beat(worker)
  const { buckets } = counterRows.loopDelaySeconds
  observe(slice, at.loopDelaySeconds, buckets, lateMs / 1000)
  overload.step(lateMs, performance.now())
  evictor.step()
  for (const pool of edge.pools) {
    if (pool.waiting > 0) pool.step()
    for (let backend = pool.first; backend < pool.end; backend++) {
      if (pool.isOut(backend)) edge.idleBackends.purge(backend)
    }
  }
  slice[at.addressEvictions]! += shared.addresses.evictions - evictions
  slice[at.addressOverflows]! += shared.addresses.overflows - overflows
  evictions = shared.addresses.evictions
  overflows = shared.addresses.overflows
  heldBytes.step()
  edge.notes.step()
  slice[at.readBufferBytes] = edge.readBuffers.taken
  slice[at.readBufferBytes + 1] = edge.readBuffers.spare
  goodRecord.step()
  sweep(ticks())
  slice[at.tarpitted] = tarpit.size
  if (delays !== null) slice[at.delayed] = delays.size
  tokens.step()
  tellBans()
  log.flush()
  if (draining && edge.sessions.size === 0) {
    draining = false
    // A step later than the last line was sent.
    setTimeout(() => send({ type: 'drained' }), STEP_MS)
  }
}

/** Each worker by itself: any of them may die. */
function sweep(now: number): void {
  shared.addresses.sweep(now)
  freshenAll(shared.hostBuckets, now)
  freshenAll(shared.routeBuckets, now)
}

function tellBans(): void {
  if (bans.length === 0) return
  send({ type: 'bans', bans })
  bans = []
}

function loadTls(certificates: WorkerStart['certificates'], tickets: WorkerStart['tickets']): void {
  for (const each of entrances)
    each.tls?.load(certificates, tickets, start.clientAuthorities[each.index] ?? null)
}

function entrance(listener: ListenerConfig, index: number): Entrance {
  return {
    index,
    config: listener,
    proxies: cidrs(listener.proxyProtocolFrom),
    forwarders: cidrs(listener.forwardedFrom),
    tls: terminatesTls(listener.mode)
      ? new TlsContexts({ listener: listener.name, ...config.tls })
      : null,
    clientCertificate: certificateRule(listener),
    alpn: listener.alpn.length === 0 ? null : alpnWire(listener.alpn),
    routes: serverNameRoutes(listener.routes),
    hsts: listener.hsts === '' ? '' : `Strict-Transport-Security: ${listener.hsts}\r\n`,
    httpRoutes: listener.httpRoutes.length === 0 ? null : httpRoutes(listener.httpRoutes),
  }
}

function certificateRule({ clientCertificates }: ListenerConfig): ClientCertificateRule {
  if (clientCertificates === null) return 'none'
  return clientCertificates.isRequired ? 'required' : 'optional'
}

function httpRoutes(indices: readonly number[]): Routes {
  return new Routes(
    indices.map(index => {
      const route = config.routes[index]!
      return new Route(index, route, edge.pools[route.pool] ?? null, routeAccess(route))
    }),
  )
}

/** @returns null where nobody is asked who it is */
function routeAccess({ auth }: RouteConfig): RouteAccess | null {
  const methods = new Map(
    auth.methods.map(each => [each.method, policyOf(each.policy, auth.resourceMetadata)]),
  )
  const policy = policyOf(auth.policy, auth.resourceMetadata)
  if (policy === null && [...methods.values()].every(each => each === null)) return null
  return new RouteAccess({ policy, methods, passesPreflights: auth.passesPreflights })
}

function policyOf(rules: PolicyRules | null, metadata: string): Policy | null {
  if (rules === null) return null
  const judges = schemes.filter(({ name }) => rules.schemes.includes(name))
  return new Policy(rules, judges, config.auth.realm, metadata)
}

function authorizer(): Authorizer {
  const { identityRate, identityBurst, identityConcurrency, apiKeyQuery } = config.auth
  const limited = identityRate !== 0 || identityConcurrency !== 0
  return new Authorizer({
    failures: guards.authFailureRate === 0 ? null : new AuthFailures(shared.addresses, guards),
    limits: new IdentityLimits(shared, worker, shadow),
    shadow,
    penalties,
    limitFields,
    defaultLimits: limited
      ? { rate: identityRate, burst: identityBurst, concurrency: identityConcurrency }
      : null,
    proofs: new DpopProofs(shared.replays, {
      window: config.tokens.dpop.windowMs / 1000,
      leeway: Math.floor(config.tokens.jwt.leewayMs / 1000),
    }),
    query: apiKeyQuery,
    slice,
    at,
  })
}

/** @returns null for none */
function cidrs(blocks: readonly string[]): CidrSet | null {
  if (blocks.length === 0) return null
  const set = new CidrSet()
  for (const block of blocks) {
    const cidr = parseCidr(block)
    if (cidr !== null) set.add(cidr, 1)
  }
  return set
}

/** Length-prefixed names, RFC 7301 §3.1. */
function alpnWire(names: readonly string[]): Buffer {
  return Buffer.concat(names.flatMap(name => [Buffer.from([name.length]), Buffer.from(name)]))
}

function pools(): Pool[] {
  let first = 0
  const names = targets.map(({ name }) => name)
  return config.pools.map(pool => {
    const size = pool.backends.length
    const breaker = hasBreaker(pool) ? new Breaker(shared.breakers, worker, pool.breaker) : null
    const concurrency = poolConcurrency(pool, first)
    const parts = {
      config: pool,
      first,
      targets: targets.slice(first, first + size),
      candidates: new Candidates(shared.backends, first, size, breaker, concurrency),
      balancer: new balancers[pool.balance](shared.backends, names),
      outlier: new Outlier(shared.backends, first, size, pool),
      breaker,
      concurrency,
      sticky:
        pool.sticky === null ? null : new Sticky(pool, pool.sticky, first, start.stickySecret),
      backends: shared.backends,
      worker,
    }
    first += size
    return new Pool(parts)
  })
}

function poolConcurrency({ concurrency, backends }: PoolConfig, first: number): Concurrency | null {
  if (!concurrency.isOn) return null
  const range = { first, size: backends.length }
  return new Concurrency(shared.concurrency, worker, range, concurrency)
}

/** Without answers to judge by, as in a pool of TCP backends, it would be of no use. */
function hasBreaker({ breaker, backends }: PoolConfig): boolean {
  return breaker.errors !== 0 && backends.every(({ scheme }) => speaksHttp(scheme))
}

function target(pool: PoolConfig, backend: BackendConfig): DialTarget {
  return {
    name: backend.name,
    address: null,
    port: backend.port,
    timeoutMs: pool.connectTimeoutMs,
    tls: usesTls(backend.scheme) ? backendTls(backend) : null,
  }
}

function backendTls(backend: BackendConfig): BackendTls {
  const ca = backend.ca === null ? {} : { ca: start.authorities.get(backend.ca)! }
  return {
    secureContext: createSecureContext({ minVersion: 'TLSv1.2', ...ca }),
    serverName: backend.serverName,
    isAddress: isIP(backend.serverName) !== 0,
    insecure: backend.insecure,
  }
}

for (const [i, address] of start.addresses.entries()) targets[i]!.address = address
