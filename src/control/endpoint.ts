/** What the admin socket can be asked: a method, a path, and who answers. */

export interface Endpoint {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  /**
   * @param body as JSON says it; undefined for none
   * @returns what is answered as JSON, or a promise of it
   * @throws EndpointError
   */
  handle(query: URLSearchParams, body: unknown): unknown
}

/** What was wrong with a question, for whoever asked. */
export class EndpointError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}
