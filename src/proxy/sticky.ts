/**
 * Sticky sessions of one pool: a cookie says which backend a client had.
 *
 * Its value is a keyed hash of pool and backend, made once at start: a request costs a look into a map
 * and no cryptography, and a client can neither name a backend it was not sent to nor learn how many
 * there are. It says nothing of the client, so that a stolen one opens no door.
 */
import { createHmac } from 'node:crypto'
import { EQUALS, HTAB, SEMICOLON, SP } from '../codec/http1/characters.ts'
import { COOKIE } from '../codec/http1/field-names.ts'
import type { Head } from '../codec/http1/head.ts'
import type { PoolConfig } from '../config/config.ts'

/** Of the HMAC-SHA256 that are kept: 144 bits, 24 characters of base64url. */
const TOKEN_BYTES = 18
const TOKEN_LENGTH = (TOKEN_BYTES / 3) * 4

/** `find()`: the client has no cookie, or none of ours. */
export const NO_WISH = -1

export class Sticky {
  readonly #name: string
  readonly #first: number
  readonly #backends = new Map<string, number>()
  /** Whole field lines by backend of the pool: over http, and over https. */
  readonly #lines: string[] = []
  readonly #secureLines: string[] = []

  /**
   * @param first  index of the pool's first backend among all
   * @param secret the same for all workers, and for all hosts that shall know each other's cookies
   */
  constructor(
    { name, backends }: PoolConfig,
    { cookie, maxAge }: NonNullable<PoolConfig['sticky']>,
    first: number,
    secret: Uint8Array,
  ) {
    this.#name = cookie
    this.#first = first
    for (const [i, backend] of backends.entries()) {
      const token = tokenOf(secret, name, backend.name)
      this.#backends.set(token, first + i)
      const age = maxAge === 0 ? '' : `; Max-Age=${maxAge}`
      const line = `Set-Cookie: ${cookie}=${token}; Path=/; HttpOnly; SameSite=Lax${age}`
      this.#lines.push(`${line}\r\n`)
      this.#secureLines.push(`${line}; Secure\r\n`)
    }
  }

  /**
   * The backend that the client's cookie names: the first one known, where there are several.
   *
   * @returns NO_WISH if there is none; what was made up is none
   */
  find(head: Head): number {
    if (head.only(COOKIE) === -1) return NO_WISH
    for (let field = 0; field < head.count; field++) {
      if (head.number(field) !== COOKIE) continue
      const backend = this.#findIn(head.value(field))
      if (backend !== NO_WISH) return backend
    }
    return NO_WISH
  }

  /** The field line that makes a client come back to `backend`. */
  line(backend: number, secure: boolean): string {
    return (secure ? this.#secureLines : this.#lines)[backend - this.#first]!
  }

  /** The value of a Cookie field without our cookie; '' if nothing is left. It is of no concern to backends. */
  without(value: string): string {
    if (!value.includes(this.#name)) return value
    let out = ''
    let at = 0
    while (at < value.length) {
      const start = skipBlanks(value, at)
      const end = pairEnd(value, start)
      if (start < end && this.#valueStart(value, start) === -1) {
        out += out === '' ? value.slice(start, end) : `; ${value.slice(start, end)}`
      }
      at = end + 1
    }
    return out
  }

  #findIn(value: string): number {
    let at = 0
    while (at < value.length) {
      const start = skipBlanks(value, at)
      const end = pairEnd(value, start)
      const from = this.#valueStart(value, start)
      if (from !== -1) {
        const backend = this.#known(value, from, end)
        if (backend !== NO_WISH) return backend
      }
      at = end + 1
    }
    return NO_WISH
  }

  /** Where the value begins of the pair that begins at `start`; -1 if it is another's. */
  #valueStart(value: string, start: number): number {
    const from = start + this.#name.length
    return value.startsWith(this.#name, start) && value.charCodeAt(from) === EQUALS ? from + 1 : -1
  }

  #known(value: string, start: number, end: number): number {
    let last = end
    while (last > start && isBlank(value.charCodeAt(last - 1))) last--
    if (last - start !== TOKEN_LENGTH) return NO_WISH
    return this.#backends.get(value.slice(start, last)) ?? NO_WISH
  }
}

/** Names hold no NUL, so that no two pairs of them are the same text. */
function tokenOf(secret: Uint8Array, pool: string, backend: string): string {
  const hash = createHmac('sha256', secret).update(`weir sticky\0${pool}\0${backend}`).digest()
  return hash.subarray(0, TOKEN_BYTES).toString('base64url')
}

function pairEnd(value: string, start: number): number {
  let end = start
  while (end < value.length && value.charCodeAt(end) !== SEMICOLON) end++
  return end
}

function skipBlanks(value: string, at: number): number {
  let start = at
  while (start < value.length && isBlank(value.charCodeAt(start))) start++
  return start
}

function isBlank(code: number): boolean {
  return code === SP || code === HTAB
}
