/** Routes of one worker: which pool a request goes to, and how it is treated on its way there. */
import type { RouteConfig } from '../config/config.ts'
import { jsonText } from '../core/escapes.ts'
import type { Pool } from './pool.ts'

export class Route {
  /** Its place in `config.routes`; labels its counters. */
  readonly index: number
  readonly config: RouteConfig
  /** Its name, for access lines. */
  readonly nameInJson: string
  /** null answers 404. */
  readonly pool: Pool | null

  constructor(index: number, config: RouteConfig, pool: Pool | null) {
    this.index = index
    this.config = config
    this.nameInJson = jsonText(config.name)
    this.pool = pool
  }
}

/** The routes of one listener. */
export class Routes {
  readonly #routes: readonly Route[]

  /** @param routes the most specific first; the last one matches all */
  constructor(routes: readonly Route[]) {
    this.#routes = routes
  }

  /** What a request is counted under that was refused before it could be matched. */
  get last(): Route {
    return this.#routes.at(-1)!
  }

  /**
   * The first route that matches; there is always one.
   *
   * @param authority whom the client asked for, with or without a port; '' for none
   * @param path in normal form
   */
  find(_authority: string, _path: string): Route {
    return this.last
  }
}
