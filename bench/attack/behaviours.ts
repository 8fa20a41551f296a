/** What attackers do: THE LIST. To add one: add it here, and a row to attacks.ts. */
import { makeKey } from '../../src/auth/api-key-form.ts'

/** What happens on one connection; the attacker (attacker.ts) connects, counts, and begins again. */
export interface Behaviour {
  /** Sent once connected; nothing if undefined. */
  readonly hello?: () => string | Uint8Array
  /** Sent again after each answer, on the same connection. */
  readonly again?: () => string
  /** Sent every second. */
  readonly drip?: () => string
  /** Answers are not read. */
  readonly deaf?: true
  /** Reset in the next turn of the loop. */
  readonly hasty?: true
  /** It is held as long as the proxy lets it; the connection is the event, not the answer. */
  readonly holds?: true
  /** It is let go after so long if the proxy neither answers nor closes, ms; another takes its place. */
  readonly patienceMs?: number
}

const HEAD_BYTES = 20_000
/**
 * How long who is slow keeps a connection. They would be held longer, but the fewer come in a time, the less can be told of
 * what one costs: with those that are held for 5 s it was 0 to 102 µs, by the round.
 */
const SLOW_MS = 1700
const BODY_BYTES = 1_000_000
const KEYS = 500
const GET = 'GET / HTTP/1.1\r\nHost: bench\r\n\r\n'
const largeHead = `GET / HTTP/1.1\r\nHost: bench\r\n${'X-Filler: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n'.repeat(Math.ceil(HEAD_BYTES / 82))}\r\n`

export const behaviours = {
  /** Connects, and waits to be refused. */
  connect: { patienceMs: 10 },
  /** A whole ClientHello, always the same: the server has all the work, the attacker none. */
  hello: { hello: () => clientHello },
  request: { hello: () => GET, again: () => GET },
  /** One request on each connection. */
  once: { hello: () => GET },
  silent: { holds: true, patienceMs: SLOW_MS },
  head: {
    holds: true,
    patienceMs: SLOW_MS,
    hello: () => 'GET / HTTP/1.1\r\nHost: bench\r\n',
    drip: () => 'X-Drip: 1\r\n',
  },
  body: {
    holds: true,
    patienceMs: SLOW_MS,
    hello: () => `POST / HTTP/1.1\r\nHost: bench\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`,
    drip: () => 'drip',
  },
  /** Three answers of 1 MiB that nobody reads. */
  read: {
    holds: true,
    deaf: true,
    hello: () => 'GET /1m HTTP/1.1\r\nHost: bench\r\n\r\n'.repeat(3),
  },
  /** Another key each time, of the right form. */
  guess: { hello: guess, again: guess },
  largeHead: { hello: () => largeHead },
  reset: { hello: () => GET, hasty: true },
} as const satisfies Record<string, Behaviour>

export type BehaviourName = keyof typeof behaviours

let clientHello: Uint8Array = new Uint8Array(0)

/** @param hello what {@link behaviours} are to send as one */
export function useClientHello(hello: Uint8Array): void {
  clientHello = hello
}

/** Made beforehand, and only if there is guessing: a key costs more than to refuse it. */
const guesses: string[] = []
let guessed = 0

function guess(): string {
  if (guesses.length === 0) {
    for (let n = 0; n < KEYS; n++) {
      guesses.push(`GET / HTTP/1.1\r\nHost: bench\r\nX-API-Key: ${makeKey()}\r\n\r\n`)
    }
  }
  return guesses[guessed++ % KEYS]!
}
