/**
 * What the head of a request to a backend has in common with the one before it: all from its target to its id, for a
 * client that says the same with each request.
 */
import { flat } from './line-parts.ts'
import type { Route } from './route.ts'

export class RepeatedLines {
  #revision = -1
  #route: Route | null = null
  #lines = ''

  /** @param revision of the client's head; @returns '' if they are not known */
  find(revision: number, route: Route): string {
    return revision === this.#revision && route === this.#route ? this.#lines : ''
  }

  keep(revision: number, route: Route, lines: string): void {
    this.#revision = revision
    this.#route = route
    this.#lines = flat(lines)
  }
}
