/** `/why` of the admin socket: why a request was refused, or how an address stands. */
import { type Endpoint, EndpointError } from './endpoint.ts'
import type { Why } from './why.ts'

export function whyEndpoint(why: Why): Endpoint {
  return {
    method: 'GET',
    path: '/why',
    handle(query) {
      const id = query.get('id')
      const address = query.get('address')
      if ((id === null) === (address === null)) {
        throw new EndpointError(400, 'ask with ?id= of a request, or with ?address=')
      }
      return id === null ? why.address(address!) : why.request(id)
    },
  }
}
