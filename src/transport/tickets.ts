/**
 * Session-ticket keys: who may resume, and with which key.
 *
 * Main makes a secret per rotation and hands the newest two to every worker, so that a ticket from
 * one worker is good in all. Each TLS context derives keys of its own from them: a ticket that was
 * issued for one certificate resumes under no other (CVE-2025-23419). Nothing is ever written to disk.
 */
import { hkdfSync, randomBytes } from 'node:crypto'

/** Current and previous. */
export const TICKET_SECRETS = 2

const SECRET_BYTES = 48
/** Name, HMAC key and AES key of one ticket key, 16 bytes each: what Node's `ticketKeys` takes. */
const TICKET_KEY_BYTES = 48
const NAME_BYTES = 16

/** The secrets after a rotation: a new one first, and those before it that still count. */
export function rotateTicketSecrets(secrets: readonly Uint8Array[]): readonly Uint8Array[] {
  return [randomBytes(SECRET_BYTES), ...secrets].slice(0, TICKET_SECRETS)
}

export interface TicketKey {
  /** What a ticket begins with, hex: tells which key it was made with. */
  readonly name: string
  readonly bytes: Buffer
}

/** @param label of the context: certificate and listener */
export function deriveTicketKey(secret: Uint8Array, label: string): TicketKey {
  const bytes = Buffer.from(
    hkdfSync('sha256', secret, '', `weir ticket ${label}`, TICKET_KEY_BYTES),
  )
  return { name: bytes.toString('hex', 0, NAME_BYTES), bytes }
}
