/** What one client connection is told by weir itself, and what is counted of it. */
import type { RequestHead } from '../codec/http1/request-head.ts'
import { ACCEPT } from '../codec/http1/field-names.ts'
import { prefersHtml } from '../codec/prefers-html.ts'
import { ticks } from '../core/clock.ts'
import type { Reason } from '../core/faults.ts'
import { refusal, type RefusalName, refusals } from '../core/refusals.ts'
import { countUnread } from './exchange-counters.ts'
import { type Answer, writeAnswer } from './http-answer.ts'
import type { Http1Session } from './http1-session.ts'
import { nextRequestId } from './request-id.ts'

const REASONS = refusals.length

export class ClientAnswers {
  readonly #session: Http1Session
  /** Of the request that was read last. */
  readonly #head: RequestHead

  constructor(session: Http1Session, head: RequestHead) {
    this.#session = session
    this.#head = head
  }

  /**
   * An answer of our own to the request that was read last, with further `lines` in its head.
   *
   * @param keepAlive whether the request leaves the connection usable
   * @returns bytes of its body
   */
  answer(status: number, reason: Reason, requestId: string, keepAlive: boolean, lines: string) {
    if (!keepAlive) this.#session.keepsAlive = false
    const html = prefersHtml(this.#head.list(ACCEPT))
    return this.#write({ status, reason, requestId, html }, this.#head.method === 'HEAD', lines)
  }

  /**
   * Nothing is known of the request but how it begins, not even which form of an answer it wants.
   *
   * @param toHead it begins as a HEAD does
   */
  refuseUnread(status: number, reason: RefusalName, toHead: boolean): void {
    const session = this.#session
    session.keepsAlive = false
    const requestId = nextRequestId()
    this.#write({ status, reason, requestId, html: false }, toHead, '')
    const { client, edge } = session
    // Else it is refused: that has been counted.
    if (status !== 429) edge.admission.requests.erred(client.slot, client.prefixSlot, ticks())
    countUnread(session, status, reason, requestId)
    edge.log.badRequest(session, status, reason, requestId)
  }

  countRefusal(refused: number): void {
    const { edge, client } = this.#session
    edge.slice[edge.at.refused + client.entrance.index * REASONS + refused]!++
  }

  /** Counts a refusal, and counts it against the address of the connection. */
  penalize(reason: RefusalName): void {
    const refused = refusal(reason)
    const { edge, client } = this.#session
    this.countRefusal(refused)
    edge.admission.penalize(client, refused, ticks())
  }

  /** The same against whom the request that runs is from. */
  penalizeRequest(reason: RefusalName): void {
    const refused = refusal(reason)
    const { edge, requestClient } = this.#session
    this.countRefusal(refused)
    edge.admission.penalizeRequest(requestClient, refused, ticks())
  }

  #write(answer: Answer, toHead: boolean, lines: string): number {
    const session = this.#session
    const { edge, client, keepsAlive } = session
    const wait = answer.status === 429 ? session.requestClient.retryAfter : 0
    const limits = wait === 0 ? '' : edge.limitFields.refused(answer.reason, wait)
    const all = client.entrance.hsts + lines + limits
    const head = { keepAlive: keepsAlive, minor: this.#head.minor, wait, lines: all }
    const asker = { toHead, hasMore: session.hasMore }
    const bytes = writeAnswer(session.writer, answer, head, edge.errorPages, asker)
    session.flushSoon()
    return bytes
  }
}
