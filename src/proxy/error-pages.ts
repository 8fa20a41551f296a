/** Pages of the operator's in place of our own, cut at their placeholders once, at start. */
import type { ErrorPageText } from '../config/messages.ts'
import { htmlText } from '../core/escapes.ts'

const PLACEHOLDERS = /(\{\{(?:status|reason|request-id)\}\})/

/** A page: what stands in it, and at the odd places the placeholders. */
type Page = readonly string[]

export class ErrorPages {
  readonly #pages = new Map<number, Page>()

  constructor(texts: readonly ErrorPageText[]) {
    // Wide ranges first: a page for one status replaces that of its class.
    const widest = texts.toSorted((a, b) => width(b) - width(a))
    for (const { statusMin, statusMax, html } of widest) {
      const page = html.split(PLACEHOLDERS)
      for (let status = statusMin; status <= statusMax; status++) this.#pages.set(status, page)
    }
  }

  /** @returns HTML as latin1, its placeholders filled in; null where there is no page for the status */
  write(status: number, reason: string, requestId: string): string | null {
    const page = this.#pages.get(status)
    if (page === undefined) return null
    let out = page[0]!
    for (let i = 1; i < page.length; i += 2) {
      const name = page[i]!
      if (name === '{{status}}') out += status
      else out += htmlText(name === '{{reason}}' ? reason : requestId)
      out += page[i + 1]!
    }
    return out
  }
}

function width({ statusMin, statusMax }: ErrorPageText): number {
  return statusMax - statusMin
}
