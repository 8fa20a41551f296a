/**
 * What happens to a connection right after accept: one look at its address, and either a session or
 * a reset. A refused client costs no session, no listener, no timer.
 */
import type { Socket } from 'node:net'
import { ADDRESS_WORDS, parseAddress } from '../core/address.ts'
import { ticks } from '../core/clock.ts'
import { ADMITTED, refusal, refusals } from '../core/refusals.ts'
import type { Place } from '../guard/admission.ts'
import type { Edge, Entrance } from './edge.ts'
import { TcpSession } from './tcp-session.ts'

const DRAINING = refusal('draining')

/** The handler of one listener's connections. */
export function accepter(edge: Edge, entrance: Entrance): (socket: Socket) => void {
  const words = new Int32Array(ADDRESS_WORDS)
  const place: Place = { slot: -1, entry: -1 }
  const { slice, at } = edge
  const refusedAt = at.refused + entrance.index * refusals.length

  const refuse = (socket: Socket, address: string, refused: number): void => {
    slice[refusedAt + refused]!++
    socket.resetAndDestroy()
    edge.log.refusal(entrance, address, refused)
  }

  return socket => {
    slice[at.accepted + entrance.index]!++
    const remote = socket.remoteAddress
    // Gone already: the kernel does not even know any more who it was.
    if (remote === undefined || !parseAddress(remote, words)) {
      socket.destroy()
      return
    }
    const address = remote.startsWith('::ffff:') ? remote.slice(7) : remote
    if (edge.shared.workers.isDraining()) return refuse(socket, address, DRAINING)
    if (entrance.proxies !== null && entrance.proxies.find(words) !== 0) {
      new TcpSession(edge, entrance, socket, address).beginWithProxyHeader()
      return
    }
    const refused = edge.admission.enter(words, ticks(), place)
    if (refused !== ADMITTED) return refuse(socket, address, refused)
    const session = new TcpSession(edge, entrance, socket, address)
    session.words.set(words)
    session.slot = place.slot
    session.entry = place.entry
    place.slot = -1
    session.beginAdmitted()
  }
}
