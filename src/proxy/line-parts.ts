/**
 * Parts of the JSON access lines of one connection that are mostly the same from one line to the next, each
 * in one piece: a line put together from fewer pieces costs less when it is copied.
 */
import { jsonText } from '../core/escapes.ts'
import type { TcpSession } from './tcp-session.ts'

const AGENT_MAX = 256

export class LineParts {
  readonly #lasting: boolean
  /** From the listener up to the id of the request. */
  readonly head: string
  /** Facts of TLS. */
  readonly tail: string
  #method = ''
  #authority = ''
  #request = ''
  #agent = ''
  #agentPart = ''

  /** @param lasting false if they are for one line: pieces are then left as they are */
  constructor(client: TcpSession, lasting: boolean) {
    this.#lasting = lasting
    this.head = this.#flat(headOf(client))
    this.tail = this.#flat(tailOf(client))
  }

  /** From the end of the id up to the path. Methods and authorities, as they were read, need no escapes. */
  request(method: string, authority: string): string {
    if (method === this.#method && authority === this.#authority) return this.#request
    this.#method = method
    this.#authority = this.#flat(authority)
    this.#request = this.#flat(`","method":"${method}","host":"${authority}","path":"`)
    return this.#request
  }

  /** @param agent what User-Agent says */
  agent(agent: string): string {
    if (agent === this.#agent) return this.#agentPart
    // A piece of its own: a slice would keep the whole head it is from.
    this.#agent = this.#flat(agent)
    this.#agentPart = this.#flat(`,"user_agent":"${jsonText(agent, AGENT_MAX)}"`)
    return this.#agentPart
  }

  #flat(text: string): string {
    return this.#lasting ? flat(text) : text
  }
}

/** As {@link LineParts.head}, for a client that a proxy spoke for: of its port nothing is known. */
export function namedHead({ entrance, address }: TcpSession, named: string): string {
  const listener = jsonText(entrance.config.name)
  return `,"listener":"${listener}","client":"${named}","peer":"${address}","request":"`
}

function headOf({ entrance, address, port, peer }: TcpSession): string {
  const listener = jsonText(entrance.config.name)
  const from = peer === '' ? '' : `,"peer":"${peer}"`
  return `,"listener":"${listener}","client":"${address}","client_port":${port}${from},"request":"`
}

function tailOf({ handshake, serverName, ja4 }: TcpSession): string {
  if (handshake === null) return ''
  let tail = `,"tls":"${handshake.version}","cipher":"${handshake.cipher}"`
  tail += `,"group":"${handshake.group}","resumed":${handshake.resumed}`
  if (serverName !== '') tail += `,"sni":"${serverName}"`
  if (ja4 !== '') tail += `,"ja4":"${ja4}"`
  return tail
}

/** The same text in one piece: V8 would otherwise gather its pieces again for each line. */
export function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
