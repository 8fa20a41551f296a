/** What a refused client gets to see: a TLS alert where it speaks TLS, else a reset. */
import type { Socket } from 'node:net'
import { reset } from '../transport/reset.ts'
import { type RefusalName, refusals } from '../core/refusals.ts'

/** Alert descriptions, RFC 8446 §6. */
const alerts: Partial<Record<RefusalName, number>> = {
  'hello-malformed': 50, // decode_error
  'hello-too-large': 50,
  'tls-version': 70, // protocol_version
  'handshake-rate': 80, // internal_error: the nearest to "not now" that TLS has
  'host-handshake-rate': 80,
  'fingerprint-denied': 49, // access_denied
  'fingerprint-rate': 80,
  'bad-server-name': 112, // unrecognized_name
  'unknown-server-name': 112,
}

/** By refusal: a whole fatal alert record, or null for those that are reset. */
const answers: readonly (Buffer | null)[] = refusals.map(([name]) => {
  const alert = alerts[name]
  return alert === undefined ? null : Buffer.from([21, 3, 3, 0, 2, 2, alert])
})

/** Says no in the client's own protocol, and closes. */
export function refuse(socket: Socket, refused: number): void {
  const answer = answers[refused] ?? null
  if (answer === null) {
    reset(socket)
    return
  }
  // A peer that never closes is not waited for: what it was sent lies in the kernel by then.
  socket.end(answer, () => socket.destroy())
}
