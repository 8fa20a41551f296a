/** `/top` of the admin socket: who and what keeps weir busy. */
import { type Endpoint, EndpointError } from './endpoint.ts'
import { type Top, type TopKind, topKinds } from './top.ts'

const LIMIT = 20
const LIMIT_MAX = 1000

export function topEndpoint(top: Top): Endpoint {
  return {
    method: 'GET',
    path: '/top',
    handle(query) {
      const kind = query.get('of') ?? 'addresses'
      if (!(topKinds as readonly string[]).includes(kind)) {
        throw new EndpointError(400, `ask for ?of= one of ${topKinds.join(', ')}`)
      }
      const limit = query.get('limit') ?? String(LIMIT)
      if (!/^[1-9]\d{0,3}$/.test(limit) || Number(limit) > LIMIT_MAX) {
        throw new EndpointError(400, `limit is a number of rows from 1 to ${LIMIT_MAX}`)
      }
      return top.ask(kind as TopKind, Number(limit))
    },
  }
}
