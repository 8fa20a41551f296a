/**
 * Who hears of what happens to a socket: one set for all sockets that have the same listeners.
 *
 * Listeners are shared by all sockets of a kind (listen.ts), so there are only a few sets of them, and each is made once. A
 * list of its own for each socket took 180 bytes of the 1.2 KB that a connection has that says nothing.
 */
export type SocketEvent = 'connect' | 'drain' | 'end' | 'error' | 'close'

/** By event; called with the socket as `this`. */
export type Listeners = Readonly<Record<string, (...args: never[]) => void>>

type Hearer = (error?: NodeJS.ErrnoException) => void

export class Hearers implements Readonly<Record<SocketEvent, readonly Hearer[]>> {
  /** Nobody. */
  static readonly none = new Hearers([])

  readonly connect: readonly Hearer[]
  readonly drain: readonly Hearer[]
  readonly end: readonly Hearer[]
  readonly error: readonly Hearer[]
  readonly close: readonly Hearer[]
  readonly #all: readonly Listeners[]
  readonly #with = new Map<Listeners, Hearers>()
  readonly #without = new Map<Listeners, Hearers>()

  private constructor(all: readonly Listeners[]) {
    const of = (event: SocketEvent): Hearer[] =>
      all.flatMap(listeners => (listeners[event] as Hearer | undefined) ?? [])
    this.#all = all
    this.connect = of('connect')
    this.drain = of('drain')
    this.end = of('end')
    this.error = of('error')
    this.close = of('close')
  }

  /** These and `listeners`, which hear last. */
  with(listeners: Listeners): Hearers {
    let more = this.#with.get(listeners)
    if (more === undefined) {
      more = new Hearers([...this.#all, listeners])
      this.#with.set(listeners, more)
    }
    return more
  }

  /** These but `listeners`; the same if they are not among them. */
  without(listeners: Listeners): Hearers {
    let less = this.#without.get(listeners)
    if (less === undefined) {
      const at = this.#all.indexOf(listeners)
      const rest = at === -1 ? this.#all : this.#all.toSpliced(at, 1)
      less = rest.reduce<Hearers>((hearers, each) => hearers.with(each), Hearers.none)
      this.#without.set(listeners, less)
    }
    return less
  }
}
