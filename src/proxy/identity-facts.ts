/**
 * What is said of an identity: to the backend, to the log, and to the table that counts it. Made once for each, as
 * long as its scheme gives back the same object for it.
 */
import { createHash, hash } from 'node:crypto'
import type { Identity } from '../auth/identity.ts'
import { TALKER_WORDS, textWords } from '../shared/talkers.ts'
import { jsonText } from '../core/escapes.ts'
import { NO_ADDRESS } from '../core/prefix-words.ts'

export interface IdentityFacts {
  /** Field lines for the backend. */
  readonly lines: string
  /** Its part of a JSON line, with the comma before it. */
  readonly json: string
  /** Its place in a combined line. */
  readonly user: string
  /** Under what it is counted. */
  readonly words: Int32Array
  /** How it is called among those who ask most: scheme, and key or subject as the log has them. */
  readonly talker: Int32Array
}

/** Hexadecimal digits of the hash of a subject in the log. */
const SUBJECT_DIGITS = 16

const known = new WeakMap<Identity, IdentityFacts>()

export function factsOf(identity: Identity): IdentityFacts {
  let facts = known.get(identity)
  if (facts === undefined) {
    facts = makeFacts(identity)
    known.set(identity, facts)
  }
  return facts
}

function makeFacts(identity: Identity): IdentityFacts {
  const { scheme, subject, client, scopes, keyId } = identity
  let lines = `X-Weir-Auth: ${scheme}\r\n`
  if (subject !== '') lines += `X-Weir-Subject: ${fieldText(subject)}\r\n`
  if (client !== '') lines += `X-Weir-Client: ${fieldText(client)}\r\n`
  if (scopes.length > 0) lines += `X-Weir-Scopes: ${scopes.map(fieldText).join(' ')}\r\n`
  const subjectHash = subject === '' ? '' : hash('sha256', subject, 'hex').slice(0, SUBJECT_DIGITS)
  let json = `,"auth":"${scheme}"`
  if (keyId !== '') json += `,"key":"${jsonText(keyId)}"`
  if (subjectHash !== '') json += `,"subject":"${subjectHash}"`
  const talker = new Int32Array(TALKER_WORDS)
  textWords(`${scheme} ${(scheme === 'api-key' && keyId) || subjectHash || keyId}`, talker)
  return { lines, json, user: subjectHash || '-', words: identityWords(identity), talker }
}

/**
 * Keys of one name count as one identity, so that a rotation gives nobody a second budget; so do all tokens of a
 * subject, and where there is none, of a client. Who has neither, as a certificate without a name, is its key.
 */
function identityWords({ scheme, subject, client, claims, keyId }: Identity): Int32Array {
  const issuer = typeof claims['iss'] === 'string' ? claims['iss'] : ''
  const digest = createHash('sha256')
    .update(
      JSON.stringify([
        scheme,
        issuer,
        subject || [client === '' ? 'key' : 'client', client || keyId],
      ]),
    )
    .digest()
  return Int32Array.of(
    NO_ADDRESS,
    digest.readInt32LE(0),
    digest.readInt32LE(4),
    digest.readInt32LE(8),
  )
}

/** As it may stand in a field: all but visible ASCII, and `%` itself, percent-encoded as UTF-8. */
function fieldText(text: string): string {
  return /^[\x21-\x24\x26-\x7e]*$/.test(text) ? text : encoded(text)
}

function encoded(text: string): string {
  let out = ''
  for (const byte of Buffer.from(text, 'utf8')) {
    const plain = byte > 0x20 && byte < 0x7f && byte !== 0x25
    out += plain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}
