/**
 * Asks the introspection server about one token (RFC 7662 §2.1), as the client the operator registered.
 *
 * Its connections are kept, and bounded; so are the answer and the time. Neither token nor secret gets
 * into what is thrown.
 */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { type JsonObject, readJsonObject } from '../codec/strict-json.ts'
import { askWeb } from './web-request.ts'

const CONNECTIONS_MAX = 32
const IDLE_MS = 15_000
const BYTES_MAX = 65_536
/** Of a token that a server does not even look at; RFC 7662 §2.2 would have it say that it is not active. */
const REFUSALS: readonly number[] = [400, 413, 422]

export interface IntrospectionServer {
  readonly url: string
  /** `id:secret`; '' to ask without. */
  readonly client: string
  /** PEM of the authorities to trust in place of the system's; '' for those. */
  readonly ca: string
  readonly timeoutMs: number
}

export class IntrospectionClient {
  readonly #server: IntrospectionServer
  readonly #headers: Readonly<Record<string, string>>
  readonly #agent: HttpAgent | HttpsAgent

  constructor(server: IntrospectionServer) {
    this.#server = server
    const options = { keepAlive: true, maxSockets: CONNECTIONS_MAX, timeout: IDLE_MS }
    this.#agent = server.url.startsWith('https:') ? new HttpsAgent(options) : new HttpAgent(options)
    this.#headers = {
      Accept: 'application/json',
      'Content-Type': 'application/x-www-form-urlencoded',
      'User-Agent': 'weir',
      ...(server.client === '' ? {} : { Authorization: basic(server.client) }),
    }
  }

  /**
   * @returns the answer, or the status of one that does not look at the question
   * @throws why there is no usable answer, in a sentence that goes on from the name of the server
   */
  readonly ask = async (token: string): Promise<JsonObject | number> => {
    const { url, ca, timeoutMs } = this.#server
    const { status, body } = await askWeb({
      url,
      body: `token=${encodeURIComponent(token)}&token_type_hint=access_token`,
      headers: this.#headers,
      ca,
      timeoutMs,
      bytesMax: BYTES_MAX,
      agent: this.#agent,
    })
    if (REFUSALS.includes(status)) return status
    if (status !== 200) throw new Error(`answers ${status}`)
    const answer = readJsonObject(body)
    if (typeof answer === 'number') throw new Error('answers with what is no JSON object')
    return answer
  }
}

/** RFC 6749 §2.3.1: both halves are form-encoded before they are put together. */
function basic(client: string): string {
  const colon = client.indexOf(':')
  const halves = [client.slice(0, colon), client.slice(colon + 1)]
  const encoded = halves.map(half => encodeURIComponent(half).replaceAll('%20', '+')).join(':')
  return `Basic ${Buffer.from(encoded).toString('base64')}`
}
