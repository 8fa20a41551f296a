/**
 * The last answer in JSON of a worker's own, but for the id of its request: who is refused in a flood is refused again and
 * again, and all else stays the same for a second. To put it together anew is a fortieth of what such a request costs.
 */
import type { Answer, AnswerHead } from './http-answer.ts'

/** What the head of an answer says besides; the length of its body follows. */
export type AnswerFacts = Omit<AnswerHead, 'bodyLength'>

/** What an id may be of to stand in JSON as it is. */
const isPlain = new Uint8Array(0x100)
for (let code = 0; code < isPlain.length; code++) {
  isPlain[code] = /[\w-]/.test(String.fromCharCode(code)) ? 1 : 0
}

export class RepeatedAnswer {
  readonly #status: number
  readonly #reason: string
  readonly #date: string
  readonly #facts: AnswerFacts
  readonly #idLength: number
  readonly #bodyLength: number
  /** Head and body. */
  readonly #bytes: Buffer
  /** Where the id stands in the head and in the body; -1 if the answer cannot be said again. */
  readonly #first: number
  readonly #second: number

  /**
   * @param answer in JSON
   * @param date   as the head has it
   */
  constructor(answer: Answer, facts: AnswerFacts, date: string, head: string, body: string) {
    const { status, reason, requestId } = answer
    this.#status = status
    this.#reason = reason
    this.#date = date
    this.#facts = facts
    this.#idLength = requestId.length
    this.#bodyLength = body.length
    this.#bytes = Buffer.from(head + body, 'latin1')
    const pieces = (head + body).split(requestId)
    const isTwice = pieces.length === 3
    this.#first = isTwice ? pieces[0]!.length : -1
    this.#second = isTwice ? this.#first + requestId.length + pieces[1]!.length : -1
  }

  /** Bytes of the body. */
  get bodyLength(): number {
    return this.#bodyLength
  }

  /**
   * @returns head and body of an answer that says the same, under its own id; null if it says something else. The bytes are
   *   the same each time: nobody may be reading them when this is called again
   */
  find(
    { status, reason, html, requestId }: Answer,
    facts: AnswerFacts,
    date: string,
  ): Buffer | null {
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
    return isSame && this.#first !== -1 && this.#writeId(requestId) ? this.#bytes : null
  }

  /** @returns false if it cannot stand in JSON as it is */
  #writeId(id: string): boolean {
    const bytes = this.#bytes
    const first = this.#first
    const second = this.#second
    for (let i = 0; i < id.length; i++) {
      const code = id.charCodeAt(i)
      if (isPlain[code] !== 1) return false
      bytes[first + i] = code
      bytes[second + i] = code
    }
    return true
  }
}
