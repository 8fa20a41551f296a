/**
 * One TLS handshake with a client, and what is known of it afterwards.
 *
 * The TLS socket is made around the plain one once the gate has read the ClientHello and put it back.
 */
import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import type { ClientHello } from '../codec/client-hello.ts'
import { type Counters, handshakeFailures, tlsGroups } from '../shared/counters.ts'
import { listen, stopListening } from './listen.ts'
import { TlsSocket } from './tls-socket.ts'

const HANDSHAKE = Symbol('handshake')

export interface HandshakeOwner {
  onSecure(): void
  /** @param cause for the log */
  onHandshakeFailed(cause: string): void
  /** The client left after the handshake, before a tunnel took over. */
  onSecureClosed(): void
}

/** Whether the client is asked for a certificate, and must show one. */
export type ClientCertificateRule = 'none' | 'optional' | 'required'

type FailureCause = (typeof handshakeFailures)[number]

/** A socket in its handshake, and after it. */
type Handshaking = TlsSocket & { [HANDSHAKE]?: Handshake }

export class Handshake {
  readonly socket: Handshaking
  readonly #owner: HandshakeOwner
  #secure = false
  #failure: FailureCause = 'closed'
  #failed = false

  /** Facts, once it has finished; '' before. */
  version = ''
  cipher = ''
  resumed = false
  alpn = ''
  /** Key exchange: Node does not tell a server, so it is what the hello and our preference lead to. */
  readonly group: string

  constructor(
    socket: Socket,
    hello: ClientHello,
    secureContext: SecureContext,
    alpn: Buffer | null,
    owner: HandshakeOwner,
    clientCertificate: ClientCertificateRule = 'none',
  ) {
    this.#owner = owner
    this.group = hello.group
    this.socket = new TlsSocket(socket, {
      isServer: true,
      secureContext,
      ...(alpn === null ? {} : { ALPNProtocols: alpn }),
      ...(clientCertificate === 'none' ? {} : { requestCert: true }),
      // Whether it is good is seen afterwards (client-certificate.ts); this is about one that is not there.
      ...(clientCertificate === 'required' ? {} : { rejectUnauthorized: false }),
    })
  }

  /** Until the handshake is over. */
  static readonly #untilSecure = {
    // Heard only while nothing lies unread: so not the end of a client that sent and is done.
    end(this: Handshaking): void {
      this[HANDSHAKE]!.#broke(new Error('closed in the handshake'))
    },
  }

  static readonly #always = {
    // Comes once, and stays: an event of which the last listener is taken away makes a dictionary of all of them.
    secure(this: Handshaking): void {
      this[HANDSHAKE]!.#finished()
    },
    // Before the handshake is over Node tells errors through 'error', after it through '_tlsError'
    // alone, unless a tls.Server took the socket over.
    _tlsError(this: Handshaking, error: Error): void {
      this[HANDSHAKE]!.#broke(error)
    },
  }

  /** Until somebody else hears them: a third listener would make of two a list with room for twenty. */
  static readonly #untilHeard = {
    error(this: Handshaking, error: Error): void {
      this[HANDSHAKE]!.#broke(error)
    },
    close(this: Handshaking): void {
      const handshake = this[HANDSHAKE]!
      if (handshake.#secure) handshake.#owner.onSecureClosed()
      else handshake.#broke(new Error('closed in the handshake'))
    },
  }

  start(): void {
    this.socket[HANDSHAKE] = this
    listen(this.socket, Handshake.#always)
    listen(this.socket, Handshake.#untilSecure)
    this.hear()
  }

  /** Hears from here on of errors and of the end. */
  hear(): void {
    listen(this.socket, Handshake.#untilHeard)
  }

  /** Somebody else is about to hear of errors and of the end. */
  leave(): void {
    stopListening(this.socket, Handshake.#untilHeard)
  }

  /** The deadline passed: what {@link countFailure} counts. */
  timedOut(): void {
    this.#failure = 'timeout'
    this.#failed = true
  }

  /** Known once TLS has read the hello; null once the socket is gone. */
  get isResumption(): boolean | null {
    return this.socket.isSessionReused()
  }

  count(slice: Float64Array, at: Counters['at']): void {
    const version = this.version === 'TLSv1.3' ? 1 : 0
    const known = tlsGroups.indexOf(this.group as (typeof tlsGroups)[number])
    const group = known === -1 ? tlsGroups.length - 1 : known
    slice[at.handshakes + (version * tlsGroups.length + group) * 2 + (this.resumed ? 1 : 0)]!++
  }

  countFailure(slice: Float64Array, at: Counters['at']): void {
    slice[at.handshakesFailed + handshakeFailures.indexOf(this.#failure)]!++
  }

  #finished(): void {
    if (this.#secure) return
    this.#secure = true
    const { socket } = this
    stopListening(socket, Handshake.#untilSecure)
    this.version = theOne(socket.getProtocol() ?? '')
    this.cipher = theOne(socket.getCipher()?.name ?? '')
    this.resumed = socket.isSessionReused()
    this.alpn = typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : ''
    this.#owner.onSecure()
  }

  #broke(error: NodeJS.ErrnoException): void {
    if (this.#failed) return
    this.#failed = true
    if (this.#secure) {
      // A record that does not decrypt, an alert: the tunnel hears of it through 'close'.
      this.socket.destroy()
      return
    }
    const code = error.code ?? error.message
    this.#failure = failureOf(code)
    this.#owner.onHandshakeFailed(code)
  }
}

/** Names of versions and suites: few, and Node makes a new text of each for each connection. */
const names = new Map<string, string>()

function theOne(name: string): string {
  const known = names.get(name)
  if (known === undefined) names.set(name, name)
  return known ?? name
}

/** OpenSSL's reason, as Node passes it on in `code`. */
function failureOf(code: string): FailureCause {
  if (code === 'ERR_SSL_NO_SHARED_CIPHER') return 'no-shared-cipher'
  if (code.includes('NO_SUITABLE_KEY_SHARE') || code.includes('GROUP')) return 'no-shared-group'
  if (code.includes('NO_APPLICATION_PROTOCOL')) return 'no-shared-protocol'
  if (code.includes('_ALERT_')) return 'client-alert'
  if (code.startsWith('ERR_SSL_')) return 'protocol'
  return 'closed'
}
