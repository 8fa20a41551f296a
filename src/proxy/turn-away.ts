/** What becomes of a client that a guard refused, at each stage: `--action`, done with sockets. */
import type { Socket } from 'node:net'
import { type Actions, CLOSE, REJECT, RESET, TARPIT } from '../guard/actions.ts'
import type { PlainSocket } from '../transport/plain-socket.ts'
import { resetPlain, type Tarpit } from '../transport/tarpit.ts'
import { refuse } from './answer.ts'

export class TurnAway {
  readonly #actions: Actions
  readonly #tarpit: Tarpit

  constructor(actions: Actions, tarpit: Tarpit) {
    this.#actions = actions
    this.#tarpit = tarpit
  }

  /** Right after accept. @returns what the door is to do with the connection */
  atDoor(refused: number): number {
    const action = this.#choose(refused)
    return action === REJECT ? RESET : action
  }

  /** Before a handshake: says no in the client's own protocol, unless told otherwise. */
  beforeTls(socket: Socket, refused: number): void {
    const action = this.#choose(refused)
    if (action === REJECT) refuse(socket, refused)
    else if (action === CLOSE) socket.end(() => socket.destroy())
    else this.take(action, socket, socket)
  }

  /**
   * A request. @returns {@link REJECT} if it is to be answered
   *
   * @param isShared the connection is a proxy's: the requests of others come over it, too
   */
  ofRequest(refused: number, isShared: boolean): number {
    return isShared ? REJECT : this.#choose(refused)
  }

  /**
   * Takes the socket from its session, which does not touch it any more.
   *
   * @param action {@link RESET} or {@link TARPIT}
   * @param plain  the TCP socket
   * @param socket the TLS socket around it, or the same
   */
  take(action: number, plain: Socket | PlainSocket, socket: Socket | PlainSocket): void {
    if (action === TARPIT) this.#tarpit.holdSocket(plain, socket)
    else resetPlain(plain, socket)
  }

  /** Counts it, too. */
  #choose(refused: number): number {
    const chosen = this.#actions.of(refused)
    if (chosen === REJECT) return REJECT
    const action = chosen === TARPIT && this.#tarpit.isFull ? RESET : chosen
    this.#actions.took(refused, action)
    return action
  }
}
