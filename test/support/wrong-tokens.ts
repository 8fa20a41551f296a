/** Every way in which a token can be wrong, each signed as well as it can be, and what it is called. */
import {
  AUDIENCE,
  encode,
  forge,
  forgeWithPublicKey,
  goodClaims,
  ISSUER,
  makeKey,
  type SigningKey,
} from './tokens.ts'

export type WrongTokens = Readonly<
  Record<string, readonly (readonly [what: string, token: string])[]>
>

/**
 * By the name of the rejection.
 *
 * @param es  the key of ES256, whose kid is `es`
 * @param rs  that of RS256, whose kid is `rs`
 * @param now seconds since 1970
 * @param max characters a token may have
 */
export function wrongTokens(es: SigningKey, rs: SigningKey, now: number, max = 4096): WrongTokens {
  const header = { alg: 'ES256', kid: 'es', typ: 'JWT' }
  const claims = goodClaims(now)
  const good = forge(es, header, claims)
  const [head, body, signature] = good.split('.') as [string, string, string]
  return {
    'token-malformed': [
      ['one part', 'e30'],
      ['two parts', `${head}.${body}`],
      ['no header', `.${body}.${signature}`],
      ['no signature', `${head}.${body}.`],
      ['alg is no text', forge(es, { alg: 1 }, claims)],
      ['no alg', forge(es, { kid: 'es' }, claims)],
      ['kid is no text', forge(es, { ...header, kid: { a: 1 } }, claims)],
      ['a kid without end', forge(es, { ...header, kid: 'k'.repeat(300) }, claims)],
      ['typ is a list', forge(es, { ...header, typ: ['JWT'] }, claims)],
    ],
    'token-encoding': [
      ['padding in the header', `${head}=.${body}.${signature}`],
      ['a blank in the payload', `${head}.${body.slice(0, 8)} ${body.slice(8)}.${signature}`],
      ['the other alphabet', `${head}.${body}.${signature.slice(0, -2)}+/`],
      ['spare bits', `${head}.${body}.${signature.slice(0, -1)}${nextOf(signature.at(-1)!)}`],
      ['padding behind the signature', `${good}==`],
      ['a line end', `${good}\n`],
    ],
    'token-trailing': [
      ['four parts', `${good}.${signature}`],
      ['six parts', `${good}.a.b.c`],
      ['a second object in the header', forge(es, `${JSON.stringify(header)}{}`, claims)],
      ['text behind the claims', forge(es, header, `${JSON.stringify(claims)}x`)],
    ],
    'token-detached': [['no payload', `${head}..${signature}`]],
    'token-not-json': [
      ['text as header', forge(es, 'header', claims)],
      ['text as claims', forge(es, header, 'claims')],
      ['a list of claims', forge(es, header, '[]')],
      ['a number', forge(es, header, '1')],
      ['not UTF-8', forge(es, header, Buffer.from('{"sub":"\xff"}', 'latin1'))],
      ['a byte order mark', forge(es, header, `\ufeff${JSON.stringify(claims)}`)],
      ['empty object cut', forge(es, header, '{')],
    ],
    'token-duplicate': [
      ['alg twice', forge(es, '{"alg":"none","kid":"es","alg":"ES256"}', claims)],
      ['sub twice', forge(es, header, JSON.stringify(claims).replace('{', '{"sub":"admin",'))],
      [
        'sub in other letters',
        forge(es, header, JSON.stringify(claims).replace('{', '{"\\u0073ub":"x",')),
      ],
      [
        'within a claim',
        forge(es, header, JSON.stringify(claims).replace('{', '{"x":{"a":1,"a":2},')),
      ],
    ],
    'token-nesting': [
      ['a deep claim', forge(es, header, `{"a":${'['.repeat(500)}${']'.repeat(500)}}`)],
      ['a deep header', forge(es, `{"a":${'{"a":'.repeat(20)}1${'}'.repeat(20)}}`, claims)],
    ],
    'token-oversized': [
      ['long', forge(es, header, { ...claims, pad: 'x'.repeat(max) })],
      ['long and nothing else', 'a'.repeat(max + 1)],
    ],
    'token-alg-none': [
      ['none', `${encode({ alg: 'none', kid: 'es' })}.${body}.`],
      ['None, with a signature', `${encode({ alg: 'None', kid: 'es' })}.${body}.${signature}`],
      ['nOnE', `${encode({ alg: 'nOnE' })}.${body}.`],
    ],
    'token-alg-not-allowed': [
      ['made up', forge(es, { ...header, alg: 'XX256' }, claims)],
      ['in small letters', forge(es, { ...header, alg: 'es256' }, claims)],
      ['ES256K', forge(es, { ...header, alg: 'ES256K' }, claims)],
      ['of a JWE', forge(es, { ...header, alg: 'RSA-OAEP' }, claims)],
      ['a name of Object', forge(es, { ...header, alg: 'constructor' }, claims)],
    ],
    'token-alg-not-of-key': [
      ['RS256 with the key of ES256', forge(es, { ...header, alg: 'RS256' }, claims)],
      [
        'RS512 with the key of RS256',
        forge({ ...rs, alg: 'RS512' }, { alg: 'RS512', kid: 'rs' }, claims),
      ],
      [
        'PS256 with the key of RS256',
        forge({ ...rs, alg: 'PS256' }, { alg: 'PS256', kid: 'rs' }, claims),
      ],
      ['EdDSA with the key of ES256', forge(es, { ...header, alg: 'EdDSA' }, claims)],
    ],
    'token-alg-symmetric': [
      ['HS256 with the public key', forgeWithPublicKey(rs, claims)],
      ['HS256 without kid', `${encode({ alg: 'HS256' })}.${body}.${signature}`],
      ['HS512', forge(es, { ...header, alg: 'HS512' }, claims)],
    ],
    'token-key-embedded': [
      ['jwk', forge(es, { ...header, jwk: es.jwk }, claims)],
      ['jku', forge(es, { ...header, jku: 'https://evil.example/jwks' }, claims)],
      ['x5u', forge(es, { ...header, x5u: 'https://evil.example/cert' }, claims)],
      ['x5c', forge(es, { ...header, x5c: ['MIIB'] }, claims)],
    ],
    'token-crit': [
      ['unknown', forge(es, { ...header, crit: ['exp'], exp: 1 }, claims)],
      ['empty', forge(es, { ...header, crit: [] }, claims)],
      ['b64', forge(es, { ...header, b64: true, crit: ['b64'] }, claims)],
    ],
    'token-key-unknown': [
      ['another kid', forge(es, { ...header, kid: 'other' }, claims)],
      ['a path as kid', forge(es, { ...header, kid: '../../dev/null' }, claims)],
      ['SQL as kid', forge(es, { ...header, kid: "x' UNION SELECT 'key" }, claims)],
      ['a name of Object as kid', forge(es, { ...header, kid: '__proto__' }, claims)],
    ],
    'token-signature': [
      ['another key', forge({ ...makeKey('ES256'), kid: 'es' }, header, claims)],
      ['other claims', `${head}.${encode({ ...claims, sub: 'admin' })}.${signature}`],
      ['another header', `${encode({ ...header, x: 1 })}.${body}.${signature}`],
      ['damaged', `${head}.${body}.${damaged(signature)}`],
      ['cut', `${head}.${body}.${signature.slice(0, 80)}`],
      ['one byte', `${head}.${body}.AA`],
      ['all zeros', `${head}.${body}.${encode(Buffer.alloc(64))}`],
      ['DER', `${head}.${body}.${encode(Buffer.from('3006020101020101', 'hex'))}`],
    ],
    'token-expired': [
      ['long ago', forge(es, header, goodClaims(now, { exp: 1 }))],
      ['just beyond the leeway', forge(es, header, goodClaims(now, { exp: now - 30 }))],
      ['below zero', forge(es, header, goodClaims(now, { exp: -1 }))],
    ],
    'token-early': [['nbf to come', forge(es, header, goodClaims(now, { nbf: now + 600 }))]],
    'token-from-future': [['iat to come', forge(es, header, goodClaims(now, { iat: now + 600 }))]],
    'token-audience': [
      ['another', forge(es, header, goodClaims(now, { aud: 'other' }))],
      ['others', forge(es, header, goodClaims(now, { aud: ['other', 'another'] }))],
      ['none', forge(es, header, goodClaims(now, { aud: undefined }))],
      ['an empty list', forge(es, header, goodClaims(now, { aud: [] }))],
      ['in capitals', forge(es, header, goodClaims(now, { aud: AUDIENCE.toUpperCase() }))],
    ],
    'token-issuer': [
      ['another', forge(es, header, goodClaims(now, { iss: 'https://other.example' }))],
      ['with a slash more', forge(es, header, goodClaims(now, { iss: `${ISSUER}/` }))],
      ['none', forge(es, header, goodClaims(now, { iss: undefined }))],
      ['a list', forge(es, header, goodClaims(now, { iss: [ISSUER] }))],
    ],
    'token-type': [
      ['a proof', forge(es, { ...header, typ: 'dpop+jwt' }, claims)],
      ['a logout', forge(es, { ...header, typ: 'logout+jwt' }, claims)],
      ['in full', forge(es, { ...header, typ: 'application/secevent+jwt' }, claims)],
    ],
    'token-claim': [
      ['no exp', forge(es, header, goodClaims(now, { exp: undefined }))],
      ['exp is text', forge(es, header, goodClaims(now, { exp: String(now + 60) }))],
      ['exp is null', forge(es, header, goodClaims(now, { exp: null }))],
      [
        'exp is beyond numbers',
        forge(es, header, JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e999')),
      ],
      ['nbf is text', forge(es, header, goodClaims(now, { nbf: 'now' }))],
      ['iat is an object', forge(es, header, goodClaims(now, { iat: {} }))],
      ['aud holds a number', forge(es, header, goodClaims(now, { aud: [AUDIENCE, 1] }))],
      ['aud is an object', forge(es, header, goodClaims(now, { aud: { [AUDIENCE]: 1 } }))],
      ['sub is a number', forge(es, header, goodClaims(now, { sub: 1 }))],
      ['client_id is a list', forge(es, header, goodClaims(now, { client_id: ['a'] }))],
      ['scope is a number', forge(es, header, goodClaims(now, { scope: 1 }))],
      ['cnf is text', forge(es, header, goodClaims(now, { cnf: 'x' }))],
      ['cnf.jkt is a number', forge(es, header, goodClaims(now, { cnf: { jkt: 1 } }))],
    ],
    'token-binding': [
      ['in a way unknown', forge(es, header, goodClaims(now, { cnf: { kid: 'x' } }))],
    ],
  }
}

/** Flips one character of a part, to another that is as canonical. */
function damaged(part: string): string {
  return `${part[0] === 'A' ? 'B' : 'A'}${part.slice(1)}`
}

/** Another character whose unused bits differ. */
function nextOf(character: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return alphabet[alphabet.indexOf(character) + 1]!
}
