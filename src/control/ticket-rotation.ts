/** Makes new session-ticket secrets on time: what an observer records stays safe once its key is gone. */
import { rotateTicketSecrets } from '../transport/tickets.ts'
import type { TicketSecrets } from '../config/messages.ts'

export class TicketRotation {
  readonly #everyMs: number
  readonly #onRotated: (secrets: TicketSecrets) => void
  #secrets: TicketSecrets = rotateTicketSecrets([])
  #timer: NodeJS.Timeout | null = null

  /** @param onRotated hands the secrets to every worker */
  constructor(everyMs: number, onRotated: (secrets: TicketSecrets) => void) {
    this.#everyMs = everyMs
    this.#onRotated = onRotated
  }

  /** Newest first. */
  get secrets(): TicketSecrets {
    return this.#secrets
  }

  start(): void {
    this.#timer = setInterval(() => this.rotate(), this.#everyMs)
    this.#timer.unref()
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  /** The oldest secret is forgotten: what it had sealed needs a full handshake from now on. */
  rotate(): void {
    this.#secrets = rotateTicketSecrets(this.#secrets)
    this.#onRotated(this.#secrets)
  }
}
