/**
 * What a route changes in the fields of a head: removed, then set, then added.
 *
 * Works on the head as it is about to be sent, so that what weir itself writes (Via, X-Forwarded-For) can
 * be edited like the rest. Framing cannot: the config refuses to name it.
 */
import type { FieldEdits } from '../config/config.ts'

const COLON = ':'
const LINE_END = '\r\n'

export class HeadEdits {
  /** Names in lower case whose fields go. */
  readonly #dropped: ReadonlySet<string>
  /** Lines that come. */
  readonly #lines: string

  constructor({ remove, set, add }: FieldEdits) {
    this.#dropped = new Set([...remove, ...set.map(({ name }) => name.toLowerCase())])
    this.#lines = [...set, ...add].map(({ name, value }) => `${name}: ${value}\r\n`).join('')
  }

  /** @param head whole and well-formed: start line, fields, and the empty line */
  apply(head: string): string {
    const end = head.length - LINE_END.length
    if (this.#dropped.size === 0) return `${head.slice(0, end)}${this.#lines}\r\n`
    let out = ''
    let kept = 0
    let next = 0
    for (let at = head.indexOf(LINE_END) + 2; at < end; at = next) {
      next = head.indexOf(LINE_END, at) + 2
      if (!this.#dropped.has(head.slice(at, head.indexOf(COLON, at)).toLowerCase())) continue
      out += head.slice(kept, at)
      kept = next
    }
    return `${out}${head.slice(kept, end)}${this.#lines}\r\n`
  }
}

/** @returns null where there is nothing to change */
export function headEdits(edits: FieldEdits): HeadEdits | null {
  const none = edits.remove.length + edits.set.length + edits.add.length === 0
  return none ? null : new HeadEdits(edits)
}
