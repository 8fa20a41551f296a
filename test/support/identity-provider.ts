/** A real identity provider for tests: `oidc-provider` on a real socket, whose keys a test can change. */
import { Provider } from 'oidc-provider'
import type { Test } from 'tap'
import type { SigningKey } from './tokens.ts'
import { startWebServer, type WebServer } from './web-server.ts'

/** What tokens of JSON are for, and opaque ones. */
export const JWT_RESOURCE = 'https://api.example/jwt'
export const OPAQUE_RESOURCE = 'https://api.example/opaque'

/** Registered with it: one that gets tokens, one that may ask about them. */
const CLIENT = { id: 'app', secret: 'app-secret-of-32-characters-or-so' }
export const ASKER = { id: 'weir', secret: 'weir-secret-of-32-characters-or-so' }

export interface IdentityProvider {
  readonly issuer: string
  readonly server: WebServer
  /** Publishes these keys from now on, and signs with the first. */
  useKeys(...keys: readonly SigningKey[]): void
  /** A token of the client-credentials grant. */
  token(resource: string, scope?: string): Promise<string>
  revoke(token: string): Promise<void>
}

export async function startIdentityProvider(
  t: Test,
  ...keys: readonly SigningKey[]
): Promise<IdentityProvider> {
  const server = await startWebServer(t, (_, response) => response.writeHead(503).end())
  const issuer = server.url
  const post = async (path: string, form: Readonly<Record<string, string>>): Promise<Response> =>
    await fetch(`${issuer}${path}`, {
      method: 'POST',
      headers: { Authorization: `Basic ${btoa(`${CLIENT.id}:${CLIENT.secret}`)}` },
      body: new URLSearchParams(form),
    })
  const provider: IdentityProvider = {
    issuer,
    server,
    useKeys(...next) {
      const answer = makeProvider(issuer, next).callback()
      server.answer = (request, response) => void answer(request, response)
    },
    async token(resource, scope = 'read') {
      const answer = await post('/token', { grant_type: 'client_credentials', resource, scope })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`no token: ${text}`)
      return (JSON.parse(text) as { access_token: string }).access_token
    },
    async revoke(token) {
      const answer = await post('/token/revocation', { token })
      if (!answer.ok) throw new Error(`not revoked: ${answer.status}`)
    },
  }
  provider.useKeys(...keys)
  return provider
}

function makeProvider(issuer: string, keys: readonly SigningKey[]): Provider {
  const [first] = keys
  return new Provider(issuer, {
    clients: [CLIENT, ASKER].map(({ id, secret }) => ({
      client_id: id,
      client_secret: secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: (first?.alg ?? 'ES256') as never,
    })),
    scopes: ['read', 'write'],
    jwks: {
      keys: keys.map(({ kid, alg, privateKey }) => ({
        ...privateKey.export({ format: 'jwk' }),
        kid,
        alg,
        use: 'sig',
      })) as never,
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({
          scope: 'read write',
          audience: resource,
          accessTokenTTL: 600,
          accessTokenFormat: resource === JWT_RESOURCE ? 'jwt' : 'opaque',
          jwt: { sign: { alg: first?.alg as never, kid: first?.kid ?? '' } },
        }),
      },
    },
  })
}
