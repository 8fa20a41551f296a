/**
 * Every reason weir has for not believing a client, or for not letting it do what it asked: THE TABLE.
 *
 * They are refusals (refusals.ts takes them in), so each has one number and one name in metrics, log,
 * answers and docs. Here stands besides what the client is told: a status, and the `error` of RFC 6750 §3.1
 * (RFC 9449 §7.1 for proofs), '' where it is to learn nothing.
 */

/** How a client can say who it is, as the config and the metrics call it. */
export const schemeNames = ['api-key', 'jwt', 'introspection', 'mtls'] as const

export type SchemeName = (typeof schemeNames)[number]

export type RejectionStatus = 400 | 401 | 403 | 429 | 503
export type RejectionError =
  | ''
  | 'invalid_request'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'invalid_dpop_proof'

export const rejections = [
  ['credential-missing', 401, '', 'the route asks who the client is, and it did not say'],
  ['credential-ambiguous', 400, 'invalid_request', 'the request holds more than one credential'],

  ['key-malformed', 401, 'invalid_token', 'what was sent as API key does not look like one'],
  [
    'key-checksum',
    401,
    'invalid_token',
    'the checksum of the API key is wrong: it was mistyped or cut',
  ],
  ['key-unknown', 401, 'invalid_token', 'no such API key was ever made, or it was deleted'],
  ['key-expired', 401, 'invalid_token', 'the API key is past its expiry'],
  ['key-revoked', 401, 'invalid_token', 'the API key was revoked'],

  ['token-malformed', 401, 'invalid_token', 'the token is not three parts with dots between'],
  [
    'token-encoding',
    401,
    'invalid_token',
    'a part of the token is not base64url, or not in its one spelling',
  ],
  [
    'token-trailing',
    401,
    'invalid_token',
    'something follows the signature, or the JSON of a part',
  ],
  [
    'token-detached',
    401,
    'invalid_token',
    'the token has no payload (RFC 7515 appendix F, RFC 7797)',
  ],
  ['token-encrypted', 401, 'invalid_token', 'the token is a JWE: weir takes signed ones'],
  [
    'token-not-json',
    401,
    'invalid_token',
    'a part of the token is not the JSON object it should be',
  ],
  ['token-duplicate', 401, 'invalid_token', 'the token says a header parameter or claim twice'],
  ['token-nesting', 401, 'invalid_token', 'the JSON of the token is nested too deep'],
  ['token-oversized', 401, 'invalid_token', 'the token is longer than allowed'],
  ['token-alg-none', 401, 'invalid_token', 'the token is not signed: alg is none'],
  [
    'token-alg-not-allowed',
    401,
    'invalid_token',
    'the algorithm of the token is not among those allowed',
  ],
  [
    'token-alg-not-of-key',
    401,
    'invalid_token',
    'the token names another algorithm than its key is for',
  ],
  [
    'token-alg-symmetric',
    401,
    'invalid_token',
    'the token says HS256, HS384 or HS512, and the issuer has no secret: its public key is none',
  ],
  [
    'token-key-embedded',
    401,
    'invalid_token',
    'the token brings its own key (jwk, jku, x5c or x5u)',
  ],
  ['token-crit', 401, 'invalid_token', 'the token asks for an extension weir does not know (crit)'],
  ['token-key-unknown', 401, 'invalid_token', 'no key of the issuer has the kid of the token'],
  ['token-signature', 401, 'invalid_token', 'the signature of the token is not of its key'],
  ['token-expired', 401, 'invalid_token', 'exp of the token is over'],
  ['token-early', 401, 'invalid_token', 'nbf of the token is to come'],
  ['token-from-future', 401, 'invalid_token', 'iat of the token is to come'],
  ['token-audience', 401, 'invalid_token', 'aud of the token is somebody else'],
  ['token-issuer', 401, 'invalid_token', 'iss of the token is no issuer weir trusts'],
  ['token-type', 401, 'invalid_token', 'typ of the token is not the one that is asked for'],
  [
    'token-claim',
    401,
    'invalid_token',
    'a claim that a token must have is absent, or of the wrong type',
  ],
  [
    'token-inactive',
    401,
    'invalid_token',
    'the introspection server says that the token is not active',
  ],

  ['introspection-down', 503, '', 'the introspection server gave no usable answer in time'],
  ['keys-unavailable', 503, '', 'the keys of the issuer could not be fetched, or are too old'],
  ['auth-busy', 503, '', 'too many credentials are being checked already'],

  [
    'token-binding',
    401,
    'invalid_token',
    'the token is bound to a key or certificate the client did not show',
  ],
  [
    'dpop-missing',
    401,
    'invalid_dpop_proof',
    'the token is bound to a key, and no DPoP proof came with it',
  ],
  ['dpop-malformed', 401, 'invalid_dpop_proof', 'the DPoP proof breaks the rules of RFC 9449 §4.3'],
  ['dpop-signature', 401, 'invalid_dpop_proof', 'the signature of the DPoP proof is wrong'],
  [
    'dpop-mismatch',
    401,
    'invalid_dpop_proof',
    'the DPoP proof is for another request, token or key',
  ],
  ['dpop-stale', 401, 'invalid_dpop_proof', 'the DPoP proof is too old, or from the future'],
  ['dpop-replayed', 401, 'invalid_dpop_proof', 'the DPoP proof was used before'],

  ['certificate-missing', 401, '', 'the route asks for a client certificate, and none was shown'],
  [
    'certificate-untrusted',
    401,
    '',
    'the client certificate is not of --client-ca, is revoked or over',
  ],

  ['scope-missing', 403, 'insufficient_scope', 'the client lacks a scope that the route asks for'],
  [
    'claim-mismatch',
    403,
    'insufficient_scope',
    'a claim of the client is not what the route asks for',
  ],

  [
    'auth-failure-rate',
    429,
    '',
    'the address fails to authenticate more often than --auth-failure-rate',
  ],
  [
    'prefix-auth-failure-rate',
    429,
    '',
    'the network of the address fails to authenticate more often than --prefix-multiple times --auth-failure-rate',
  ],
  ['identity-rate', 429, '', 'the client, by key or subject, makes requests faster than it may'],
  [
    'identity-concurrency',
    429,
    '',
    'the client, by key or subject, has as many requests under way as it may',
  ],
] as const satisfies readonly (readonly [
  name: string,
  status: RejectionStatus,
  error: RejectionError,
  cause: string,
])[]

export type RejectionName = (typeof rejections)[number][0]
