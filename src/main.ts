/**
 * The root of the control plane: lays out the memory, starts workers and services in the order in
 * which they need each other, and takes them down again on a signal. It is not needed to serve.
 */
import { readFileSync } from 'node:fs'
import { loadAuthorities } from './config/authorities.ts'
import { loadClientAuthorities } from './config/client-authorities.ts'
import type { Config } from './config/config.ts'
import { banExempt } from './config/exempt.ts'
import { loadErrorPages } from './config/error-pages.ts'
import type { Problem } from './config/flag.ts'
import { stickySecret } from './config/sticky-secret.ts'
import { readIntrospectionClient, readIssuerCa } from './config/tokens.ts'
import { ApiKeyWatch } from './control/api-key-watch.ts'
import { Admin } from './control/admin.ts'
import { AdminSocket } from './control/admin-socket.ts'
import { banEndpoints } from './control/ban-endpoints.ts'
import { Bans } from './control/bans.ts'
import { BanState, putAside, readBanState } from './control/ban-state.ts'
import { BreakerWatch } from './control/breaker-watch.ts'
import { ClientAuthorityWatch } from './control/client-authority-watch.ts'
import { CertificateWatch } from './control/certificate-watch.ts'
import { KernelBans } from './control/kernel-bans.ts'
import { KeySources } from './control/key-sources.ts'
import { createLog, type Log } from './control/log.ts'
import { createRegistry } from './control/metrics.ts'
import { Notifier } from './control/notify.ts'
import { OverloadWatch } from './control/overload-watch.ts'
import { checkPorts } from './control/port-check.ts'
import { Prober } from './control/prober.ts'
import { Resolver } from './control/resolver.ts'
import { Supervisor } from './control/supervisor.ts'
import { TicketRotation } from './control/ticket-rotation.ts'
import { Top } from './control/top.ts'
import { topEndpoint } from './control/top-endpoint.ts'
import { Why } from './control/why.ts'
import { whyEndpoint } from './control/why-endpoint.ts'
import { randomHashKey } from './core/hash.ts'
import { ExemptAddresses } from './guard/exempt-addresses.ts'
import { DOWN } from './shared/backend-table.ts'
import { createShared, type Shared } from './shared/layout.ts'

const BAD_CONFIG = 2
/** How long the first probes may hold up READY: a backend that hangs must not keep weir from starting. */
const FIRST_PROBES_MS = 10_000
const FLUSH_MS = 1000

const version = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
).version

/**
 * Serves until SIGTERM or SIGINT.
 *
 * @param warnings of the config, for the log
 * @returns the exit code: 0 after a drain, 2 if it could not start
 */
export async function serve(config: Config, warnings: readonly string[]): Promise<number> {
  const weir = new Weir(config)
  // A terminal or a session that goes away is no reason to stop, or not to start.
  process.on('SIGHUP', () => weir.log.logger.info('SIGHUP ignored'))
  const problems = await weir.start(warnings)
  if (problems.length > 0) {
    for (const { where, message } of problems) process.stderr.write(`weir: ${where}: ${message}\n`)
    await weir.stop()
    return BAD_CONFIG
  }
  const { promise, resolve } = Promise.withResolvers<number>()
  const onSignal = (signal: NodeJS.Signals): void => {
    void weir.drain(signal).then(() => resolve(0))
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  return await promise
}

/** Whether the names in a config resolve: what `weir check` asks beyond the config itself. */
export async function checkHosts(config: Config): Promise<readonly Problem[]> {
  const { logger } = createLog('silent')
  const resolver = new Resolver(hostsOf(config), logger, () => {})
  const problems = await resolver.resolveAll()
  resolver.stop()
  return problems.map(({ message }) => ({ where: '--backend', message }))
}

/** One running weir; tests start it in their own process. */
export class Weir {
  readonly config: Config
  readonly log: Log
  readonly shared: Shared
  readonly supervisor: Supervisor
  /** Ports in the order of the listeners; the admin port. Known once started. */
  ports: readonly number[] = []
  adminPort = 0
  readonly #resolver: Resolver
  readonly #prober: Prober
  readonly #breakers: BreakerWatch
  readonly #tickets: TicketRotation
  readonly #certificates: CertificateWatch
  /** null without --api-keys. */
  readonly #apiKeys: ApiKeyWatch | null
  readonly #clientAuthorities: ClientAuthorityWatch
  readonly #issuerKeys: KeySources
  readonly #bans: Bans
  /** null without --ban-state. */
  readonly #banState: BanState | null
  /** null without --kernel-bans. */
  readonly #kernelBans: KernelBans | null
  readonly #overload: OverloadWatch
  readonly #notifier: Notifier
  /** What has happened to files since the config was checked. */
  readonly #fileProblems: Problem[] = []
  readonly #admin: Admin | null
  readonly #top: Top
  readonly #adminSocket: AdminSocket | null
  #draining: Promise<void> | null = null
  #drainForced: () => void = () => {}

  constructor(config: Config) {
    this.config = config
    this.log = createLog(config.logLevel)
    const { logger } = this.log
    this.shared = createShared({
      workers: config.workers,
      backends: config.pools.reduce((sum, pool) => sum + pool.backends.length, 0),
      listeners: config.listeners.length,
      routes: config.routes.length,
      addresses: config.guards.addressTableSize,
      sessionsPerWorker: config.guards.connectionsCapacity,
      // HTTP/1.1: one at a time on a connection.
      requestsPerWorker: config.guards.connectionsCapacity,
      moreBuckets: config.guards.errorRate !== 0 || config.guards.bodyRate !== 0,
      proofs: config.tokens.dpop.proofsMax,
      hashKey: randomHashKey(),
    })
    // Its locks must be told from those of the workers.
    this.shared.addresses.setOwner(config.workers)
    const exempt = new ExemptAddresses(banExempt(config), config.guards)
    this.#bans = new Bans({
      addresses: this.shared.addresses,
      goodRecords: this.shared.goodRecords,
      prefixes: config.guards,
      isExempt: address => exempt.has(address),
      banTimeMs: config.guards.banTimeMs,
      banTimeMaxMs: config.guards.banTimeMaxMs,
      log: logger,
      onBlocks: blocks => this.supervisor.setBannedBlocks(blocks),
    })
    this.#banState = this.#restoreBans()
    this.#kernelBans =
      config.kernelBans.how === 'off'
        ? null
        : new KernelBans({ config: config.kernelBans, exempt: banExempt(config), log: logger })
    this.#resolver = new Resolver(hostsOf(config), logger, (backend, address) =>
      this.supervisor.setAddress(backend, address),
    )
    this.#tickets = new TicketRotation(config.tls.ticketRotationMs, tickets =>
      this.supervisor.setTickets(tickets),
    )
    this.#certificates = new CertificateWatch(config.tls.certificates, logger, certificates =>
      this.supervisor.setCertificates(certificates),
    )
    const authorities = loadAuthorities(config.pools, this.#fileProblems)
    this.#apiKeys =
      config.auth.apiKeys === ''
        ? null
        : new ApiKeyWatch(config.auth, logger, keys => this.supervisor.setApiKeys(keys))
    this.#clientAuthorities = new ClientAuthorityWatch(
      config.listeners,
      loadClientAuthorities(config.listeners, this.#fileProblems),
      logger,
      next => this.supervisor.setClientAuthorities(next),
    )
    const issuerCa = readIssuerCa(config, this.#fileProblems)
    this.#issuerKeys = new KeySources(config.tokens.jwt, issuerCa, logger, {
      onKeys: sets => this.supervisor.setIssuerKeys(sets),
      onLooked: (issuer, askAgainInMs) => this.supervisor.keysLooked(issuer, askAgainInMs),
    })
    this.supervisor = new Supervisor({
      config,
      shared: this.shared,
      log: logger,
      writeLines: this.log.writeLines,
      addresses: () => this.#resolver.addresses(),
      stickySecret: stickySecret(config),
      apiKeys: () => this.#apiKeys?.set ?? null,
      tickets: this.#tickets.secrets,
      certificates: this.#certificates.certificates,
      errorPages: loadErrorPages(config.http.errorPages, this.#fileProblems),
      clientAuthorities: () => this.#clientAuthorities.authorities,
      issuerKeys: () => this.#issuerKeys.sets,
      issuerCa,
      introspectionClient: readIntrospectionClient(config, this.#fileProblems),
      onKeysWanted: issuer => this.#issuerKeys.look(issuer),
      authorities,
      bannedBlocks: () => this.#bans.blocks(),
      onBans: bans => this.#bans.made(bans),
    })
    this.#prober = new Prober({
      config,
      backends: this.shared.backends,
      authorities,
      address: backend => this.#resolver.address(backend),
      log: logger,
    })
    this.#breakers = new BreakerWatch(config, this.shared.breakers, logger)
    this.#overload = new OverloadWatch(config, this.shared.overload, logger)
    this.#notifier = new Notifier({ log: message => logger.warn(message) })
    this.#admin =
      config.admin === null
        ? null
        : new Admin({
            endpoint: config.admin,
            registry: this.#registry(),
            notReady: () => this.#notReady(),
            note: () => this.#overload.note,
          })
    this.#top = new Top(config, this.shared)
    this.#adminSocket =
      config.adminSocket === ''
        ? null
        : new AdminSocket(config.adminSocket, [
            ...banEndpoints(this.#bans),
            whyEndpoint(new Why({ config, shared: this.shared, bans: this.#bans })),
            topEndpoint(this.#top),
          ])
  }

  /** Starts everything, or says why not. */
  async start(warnings: readonly string[]): Promise<readonly Problem[]> {
    const { config, log } = this
    for (const warning of warnings) log.logger.warn(warning)
    const problems = await this.#checkSurroundings()
    if (problems.length > 0) return problems

    // Before the workers: they must find keys, weights, limits and the first addresses in their place.
    await this.#issuerKeys.start()
    this.#prober.start()
    try {
      this.ports = await this.supervisor.start()
      if (this.#admin !== null) this.adminPort = await this.#admin.start()
      await this.#adminSocket?.start()
      if (this.#adminSocket !== null) this.#top.start()
    } catch (error) {
      return [{ where: 'start', message: (error as Error).message }]
    }
    const problem = (await this.#kernelBans?.start(this.ports)) ?? null
    if (problem !== null) return [{ where: '--kernel-bans', message: problem }]
    // In shadow the banned are let in.
    if (this.#kernelBans !== null && !config.guards.shadow.includes('banned')) {
      this.#bans.listen(this.#kernelBans)
    }
    this.#tickets.start()
    this.#certificates.start()
    this.#apiKeys?.start()
    this.#bans.start()
    this.#breakers.start()
    this.#overload.start()
    this.#clientAuthorities.start()
    await this.#firstProbes()

    for (const [i, { name, host, mode }] of config.listeners.entries()) {
      log.logger.info({ listener: name, mode, address: host, port: this.ports[i] }, 'listening')
    }
    if (config.admin !== null) {
      log.logger.info({ address: config.admin.host, port: this.adminPort }, 'admin listening')
    }
    log.logger.info({ version, workers: config.workers, pid: process.pid }, 'ready')
    this.#notifier.ready()
    this.#notifier.startWatchdog(() => this.supervisor.makesProgress())
    return []
  }

  /** The first signal drains; a second one ends the drain at once. */
  drain(signal: string): Promise<void> {
    if (this.#draining !== null) {
      this.log.logger.warn({ signal }, 'second signal, cutting what is left')
      this.#drainForced()
      return this.#draining
    }
    this.#draining = this.#drain(signal)
    return this.#draining
  }

  async stop(): Promise<void> {
    this.#prober.stop()
    this.#resolver.stop()
    this.#tickets.stop()
    this.#certificates.stop()
    this.#apiKeys?.stop()
    this.#bans.stop()
    this.#banState?.save()
    this.#breakers.stop()
    this.#overload.stop()
    this.#issuerKeys.stop()
    this.#clientAuthorities.stop()
    this.#notifier.stop()
    this.#admin?.stop()
    this.#adminSocket?.stop()
    this.#top.stop()
    await this.#kernelBans?.stop()
    await this.supervisor.stop()
    await this.log.flush(FLUSH_MS)
  }

  async #drain(signal: string): Promise<void> {
    const { logger } = this.log
    this.shared.workers.setDraining()
    this.#notifier.stopping()
    const sessions = this.shared.workers.hostConnections()
    logger.info({ signal, sessions, drain_timeout_ms: this.config.drainTimeoutMs }, 'draining')
    const drained = this.supervisor.drain()
    const timer = setTimeout(() => this.#drainForced(), this.config.drainTimeoutMs)
    this.#drainForced = () => this.supervisor.cut()
    await drained
    clearTimeout(timer)
    logger.info('stopped')
    await this.stop()
  }

  async #checkSurroundings(): Promise<readonly Problem[]> {
    const [ports, hosts] = await Promise.all([
      checkPorts([
        ...this.config.listeners,
        ...(this.config.admin === null
          ? []
          : [{ name: '--admin', ...this.config.admin, shared: false }]),
      ]),
      this.#resolver.resolveAll(),
    ])
    return [
      ...this.#fileProblems,
      ...ports.map(({ listener, message }) => ({
        where: listener === '--admin' ? listener : `--listen ${listener}`,
        message,
      })),
      ...hosts.map(({ message }) => ({ where: '--backend', message })),
    ]
  }

  async #firstProbes(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, FIRST_PROBES_MS)
    await Promise.race([this.#prober.firstRound(), promise])
    clearTimeout(timer)
  }

  #restoreBans(): BanState | null {
    const file = this.config.guards.banState
    if (file === '') return null
    const { logger } = this.log
    const kept = readBanState(file)
    if (typeof kept === 'string') {
      const aside = putAside(file)
      logger.warn({ file, error: kept, kept_as: aside }, 'bans of before cannot be used')
    } else this.#bans.restore(kept)
    const state = new BanState(file, this.#bans, logger)
    this.#bans.listen(state)
    return state
  }

  #notReady(): string | null {
    const { workers, backends } = this.shared
    if (workers.isDraining()) return 'draining'
    if (this.supervisor.listening === 0) return 'no worker listens'
    const { notReady } = this.#overload
    if (notReady !== null) return notReady
    for (let backend = 0; backend < backends.count; backend++) {
      if (backends.state(backend) !== DOWN && !backends.isDraining(backend)) return null
    }
    return backends.count === 0 ? null : 'no backend is up'
  }

  #registry() {
    return createRegistry({
      config: this.config,
      shared: this.shared,
      version,
      restarts: () => this.supervisor.restarts,
      stateChanges: this.#prober.changes,
      logLinesDropped: this.log.dropped,
      apiKeyStates: () => this.#apiKeys?.states(Date.now() / 1000) ?? null,
      certificateExpiry: () => this.#certificates.expiry(),
      clientAuthorityExpiry: () => this.#clientAuthorities.expiry(),
      keySetAges: () => this.#issuerKeys.ages(),
      bans: () => this.#bans.size,
      kernelBans: this.#kernelBans,
    })
  }
}

function hostsOf(config: Config): string[] {
  return config.pools.flatMap(pool => pool.backends.map(({ host }) => host))
}
