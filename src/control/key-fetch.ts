/**
 * Fetches the key set of an issuer: from its URL, or from the one its discovery document names (OpenID Connect
 * Discovery §4, RFC 8414 §3).
 */
import type { AlgorithmName } from '../auth/algorithms.ts'
import type { IssuerKeySet } from '../auth/key-set.ts'
import type { IssuerConfig } from '../config/token-config.ts'
import { checkKeySet } from '../config/key-file.ts'
import { whyNoWebUrl } from '../config/web-url.ts'
import { askWeb } from '../transport/web-request.ts'

export const FETCH_TIMEOUT_MS = 5000
export const FETCH_BYTES_MAX = 262_144

/**
 * @param ca PEM of the authorities to trust in place of the system's; '' for those
 * @returns the set, or why there is none, in a sentence
 */
export async function fetchKeySet(
  { issuer, keys }: IssuerConfig,
  ca: string,
  algorithms: readonly AlgorithmName[] = [],
): Promise<IssuerKeySet | string> {
  try {
    const url = keys.kind === 'url' ? keys.url : await discover(issuer, ca)
    const set = { text: await fetchText(url, ca), isNamed: false }
    const usable = checkKeySet(set, algorithms)
    return typeof usable === 'string' ? `${url} ${usable}` : set
  } catch (error) {
    return (error as Error).message
  }
}

/** Where the discovery documents of an issuer may be: OpenID's place, then that of RFC 8414. */
export function discoveryUrls(issuer: string): readonly string[] {
  const base = issuer.replace(/\/$/, '')
  const { origin, pathname } = new URL(base)
  const path = pathname === '/' ? '' : pathname
  return [
    `${base}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ]
}

async function discover(issuer: string, ca: string): Promise<string> {
  const [openId = '', oauth = ''] = discoveryUrls(issuer)
  let url = openId
  let answer = await fetch(url, ca)
  if (answer.status === 404) {
    url = oauth
    answer = await fetch(url, ca)
  }
  if (answer.status !== 200) throw new Error(`${url} answers ${answer.status}`)
  const document = parse(answer.text)
  if (document === null) throw new Error(`${url} is no JSON object`)
  // RFC 8414 §3.3: else one issuer could speak for another.
  if (document['issuer'] !== issuer) {
    throw new Error(`${url} is of the issuer ${JSON.stringify(document['issuer'])}, not ${issuer}`)
  }
  const { jwks_uri: found } = document as { jwks_uri?: unknown }
  if (typeof found !== 'string') throw new Error(`${url} names no jwks_uri`)
  const wrong = whyNoWebUrl(found)
  if (wrong !== '') throw new Error(`${url} names a jwks_uri, ${found}, that ${wrong}`)
  return found
}

async function fetchText(url: string, ca: string): Promise<string> {
  const { status, text } = await fetch(url, ca)
  if (status !== 200) throw new Error(`${url} answers ${status}`)
  return text
}

async function fetch(url: string, ca: string): Promise<{ status: number; text: string }> {
  try {
    const { status, body } = await askWeb({
      url,
      body: '',
      headers: { Accept: 'application/json', 'User-Agent': 'weir' },
      ca,
      timeoutMs: FETCH_TIMEOUT_MS,
      bytesMax: FETCH_BYTES_MAX,
    })
    return { status, text: body.toString() }
  } catch (error) {
    throw new Error(`${url} ${(error as Error).message}`, { cause: error })
  }
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}
