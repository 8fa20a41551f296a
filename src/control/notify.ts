/**
 * Tells systemd how weir is (sd_notify), through the systemd-notify program: Node has no Unix datagram
 * socket. The unit has NotifyAccess=all, because the message comes from a child.
 */
import { execFile } from 'node:child_process'

/** A systemd-notify that hangs is ended; one at a time is enough. */
const DEADLINE_MS = 5000

export interface NotifierParts {
  readonly log: (message: string) => void
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly program?: string
}

export class Notifier {
  readonly #log: (message: string) => void
  readonly #env: Readonly<Record<string, string | undefined>>
  readonly #program: string
  readonly #enabled: boolean
  #timer: NodeJS.Timeout | null = null
  #feeding = false
  #failed = false

  constructor({ log, env = process.env, program = 'systemd-notify' }: NotifierParts) {
    this.#log = log
    this.#env = env
    this.#program = program
    this.#enabled = (env['NOTIFY_SOCKET'] ?? '') !== ''
  }

  /** A quarter of what systemd allows, ms, so that one may be left out; 0 if it does not ask for signs of life. */
  get watchdogIntervalMs(): number {
    const usec = Number(this.#env['WATCHDOG_USEC'] ?? 0)
    const pid = this.#env['WATCHDOG_PID']
    const ours = pid === undefined || pid === String(process.pid)
    return this.#enabled && ours && usec > 0 ? Math.floor(usec / 4000) : 0
  }

  ready(): void {
    void this.#send(['--ready', `--pid=${process.pid}`, '--status=serving'])
  }

  stopping(): void {
    void this.#send(['STOPPING=1', '--status=draining'])
  }

  /** Feeds the watchdog for as long as `progress` says that main and all workers move. */
  startWatchdog(progress: () => boolean): void {
    const intervalMs = this.watchdogIntervalMs
    if (intervalMs === 0) return
    const feed = (): void => {
      if (this.#feeding || !progress()) return
      this.#feeding = true
      void this.#send(['WATCHDOG=1']).then(() => {
        this.#feeding = false
      })
    }
    feed()
    this.#timer = setInterval(feed, intervalMs)
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  /** Resolves however it ends: a lost message must not stop a load balancer. */
  #send(args: readonly string[]): Promise<void> {
    if (!this.#enabled) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    execFile(this.#program, [...args], { timeout: DEADLINE_MS }, error => {
      if (error !== null && !this.#failed) {
        this.#failed = true
        this.#log(`${this.#program} failed: ${error.message}; systemd is not told how weir is`)
      }
      resolve()
    })
    return promise
  }
}
