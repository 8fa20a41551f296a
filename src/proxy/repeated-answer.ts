/**
 * The last answer in JSON of a worker's own, but for the id of its request: who is refused in a flood is refused again and
 * again, and all else stays the same for a second. To put it together anew is a fortieth of what such a request costs.
 */
import type { Answer, AnswerHead } from './http-answer.ts'

/** What the head of an answer says besides; the length of its body follows. */
export type AnswerFacts = Omit<AnswerHead, 'bodyLength'>

/** Ids that stand in JSON as they are. */
const PLAIN = /^[\w-]+$/

export class RepeatedAnswer {
  readonly #status: number
  readonly #reason: string
  readonly #date: string
  readonly #facts: AnswerFacts
  readonly #idLength: number
  readonly #bodyLength: number
  /** The text around the ids; others than three pieces if it cannot be said again. */
  readonly #pieces: readonly string[]

  /**
   * @param answer in JSON
   * @param date   as the head has it
   */
  constructor(answer: Answer, facts: AnswerFacts, date: string, head: string, body: string) {
    this.#status = answer.status
    this.#reason = answer.reason
    this.#date = date
    this.#facts = facts
    this.#idLength = answer.requestId.length
    this.#bodyLength = body.length
    this.#pieces = (head + body).split(answer.requestId)
  }

  /** Bytes of the body. */
  get bodyLength(): number {
    return this.#bodyLength
  }

  /** @returns head and body of an answer that says the same, under its own id; '' if it says something else */
  find({ status, reason, html, requestId }: Answer, facts: AnswerFacts, date: string): string {
    const { keepAlive, minor, wait, lines } = this.#facts
    const isSame =
      status === this.#status &&
      reason === this.#reason &&
      date === this.#date &&
      !html &&
      requestId.length === this.#idLength &&
      facts.wait === wait &&
      facts.keepAlive === keepAlive &&
      facts.minor === minor &&
      facts.lines === lines
    if (!isSame || this.#pieces.length !== 3 || !PLAIN.test(requestId)) return ''
    const [first, between, last] = this.#pieces
    return `${first}${requestId}${between}${requestId}${last}`
  }
}
