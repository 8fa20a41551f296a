/**
 * `npm run bench:credentials`: what it costs to ask clients who they are. HTTPS over connections that stay, by wrk,
 * with nothing asked, an API key and a JWT, beside HAProxy without and with its `jwt_verify`, which
 * verifies each token anew. And forged tokens, one after the other, beside a client that behaves.
 */
import { execFile, execFileSync } from 'node:child_process'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import yargs from 'yargs'
import { ensureDevelopmentCertificate } from '../src/certificate/development.ts'
import { startBackend } from './backends.ts'
import { floodWithForged } from './forged-tokens.ts'
import { httpProxies } from './http-proxies.ts'
import { freePort, isInstalled, type Ports, type Proxy, startProxy } from './processes.ts'
import { median, ratioOf } from './stats.ts'

const ISSUER = 'https://issuer.example'
const AUDIENCE = 'weir'
const CLI = new URL('../src/cli.ts', import.meta.url).pathname

const options = await yargs(process.argv.slice(2))
  .usage('npm run bench:credentials -- [flags]')
  .options({
    rounds: { type: 'number', default: 5, describe: 'Rounds, after one that is not counted' },
    seconds: { type: 'number', default: 2, describe: 'Of each round and proxy' },
    attack: { type: 'number', default: 20, describe: 'Seconds of forged tokens; 0 for none' },
  })
  .strict()
  .parseAsync()

const directory = mkdtempSync(join(tmpdir(), 'weir-credentials-'))
const at = (name: string): string => join(directory, name)
const { cert, key } = ensureDevelopmentCertificate(directory)
const signer = generateKeyPairSync('rsa', { modulusLength: 2048 })
const backend = await startBackend('files', directory)
const proxies: Proxy[] = []
try {
  writeFileSync(at('jwks.json'), keySet(signer.publicKey))
  writeFileSync(at('public.pem'), signer.publicKey.export({ format: 'pem', type: 'spki' }))
  await compare()
  if (options.attack > 0) await attack()
} finally {
  for (const proxy of proxies) await proxy.stop()
  await backend.stop()
  rmSync(directory, { recursive: true })
}

async function compare(): Promise<void> {
  const apiKey = execFileSync(process.execPath, [
    CLI,
    'keys',
    'create',
    '--file',
    at('keys.yaml'),
    '--name',
    'bench',
  ])
    .toString()
    .trim()
  const bearer = `Authorization: Bearer ${makeToken(signer.privateKey, {})}`
  // The same head for all of them: only what is made of it differs.
  const fields = ['-H', bearer]
  const starts: Readonly<Record<string, () => Promise<Proxy>>> = {
    'weir, nothing asked': () => startWeir('plain', []),
    'weir, JWT': () => startWeir('jwt', jwtFlags()),
    'weir, API key': () => startWeir('keys', ['--api-keys', at('keys.yaml'), '--auth', 'api-key']),
    ...(isInstalled('haproxy')
      ? {
          'haproxy, nothing asked': () => startHaproxy('haproxy', ''),
          'haproxy, JWT': () => startHaproxy('haproxy-jwt', haproxyRules()),
        }
      : {}),
  }
  const micros = new Map<string, number[]>()
  const running = new Map<string, Proxy>()
  for (const [name, start] of Object.entries(starts)) running.set(name, await start())
  for (let round = 0; round <= options.rounds; round++) {
    for (const [name, proxy] of running) {
      const own = name.endsWith('API key') ? ['-H', `X-API-Key: ${apiKey}`] : fields
      const used = await ask(proxy, own)
      if (round > 0) micros.set(name, [...(micros.get(name) ?? []), used])
    }
  }
  for (const [name, each] of micros) {
    const to = micros.get(`${name.split(',')[0]}, nothing asked`)!
    const { low, median: middle, high } = ratioOf(each, to)
    process.stdout.write(
      `${name.padEnd(24)} ${median(each).toFixed(1).padStart(6)} µs  ${middle.toFixed(2)}× (${low.toFixed(2)}–${high.toFixed(2)}) of nothing asked\n`,
    )
  }
  const [ours, theirs] = [micros.get('weir, JWT')!, micros.get('haproxy, JWT')]
  if (theirs !== undefined) {
    const { low, median: middle, high } = ratioOf(ours, theirs)
    process.stdout.write(
      `weir with JWT against haproxy with JWT: ${middle.toFixed(2)}× (${low.toFixed(2)}–${high.toFixed(2)})\n`,
    )
  }
}

/** @returns processor time of the proxy for each request, microseconds */
async function ask(proxy: Proxy, fields: readonly string[]): Promise<number> {
  const before = proxy.processorTime().usedMicros
  const url = `https://127.0.0.1:${proxy.ports.https}/`
  const { stdout } = await promisify(execFile)('taskset', [
    '-c',
    '1',
    'wrk',
    '-t1',
    '-c64',
    `-d${options.seconds}s`,
    ...fields,
    url,
  ])
  const used = proxy.processorTime().usedMicros - before
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`${proxy.name}: ${stdout}`)
  return used / Number(/(\d+) requests in/.exec(stdout)?.[1])
}

async function attack(): Promise<void> {
  const proxy = await startWeir('attacked', [
    ...jwtFlags(),
    '--auth-failure-rate=2',
    '--auth-failure-burst=60',
  ])
  const polite = makeToken(signer.privateKey, {})
  let n = 0
  const forge = (): string => {
    const claims = { iss: ISSUER, aud: AUDIENCE, exp: 4_000_000_000, n: n++ }
    const signed = `${encode({ alg: 'RS256', kid: 'a' })}.${encode(claims)}`
    return `${signed}.${Buffer.alloc(256, n).toString('base64url')}`
  }
  const before = proxy.residentBytes()
  const calm = await floodWithForged(proxy.ports.http, polite, null, 5)
  const busy = await floodWithForged(proxy.ports.http, polite, forge, options.attack)
  const grown = (proxy.residentBytes() - before) / 1024 / 1024
  const statuses = [...busy.statuses].map(([status, count]) => `${count} × ${status}`).join(', ')
  process.stdout.write(
    `forged tokens, ${busy.perSecond.toFixed(0)} a second from one address: ${statuses}\n` +
      `  a client that behaves: p99 ${calm.p99Ms.toFixed(1)} ms before, ${busy.p99Ms.toFixed(1)} ms meanwhile, ${busy.failures} failures\n` +
      `  memory: ${grown.toFixed(1)} MiB more\n`,
  )
  if (busy.failures > 0 || busy.p99Ms > 30) process.exitCode = 1
}

function jwtFlags(): string[] {
  return [
    `--jwt-issuer=${ISSUER}`,
    `--jwt-audience=${AUDIENCE}`,
    `--jwks=${at('jwks.json')}`,
    '--auth=jwt',
  ]
}

async function startWeir(name: string, flags: readonly string[]): Promise<Proxy> {
  return await start(name, 'weir', flags)
}

async function startHaproxy(name: string, rules: string): Promise<Proxy> {
  return await start(name, 'haproxy', [], rules)
}

async function start(
  name: string,
  kind: 'weir' | 'haproxy',
  flags: readonly string[],
  rules = '',
): Promise<Proxy> {
  const ports: Ports = {
    tcp: 0,
    tls: 0,
    deny: 0,
    rate: 0,
    http: await freePort(),
    https: await freePort(),
  }
  const log = at(`${name}.log`)
  const parts = { directory, backendPort: backend.port, cert, key, flags, log }
  const args = httpProxies[kind]!(parts, ports)
  if (kind === 'haproxy') {
    const file = at(`${name}.cfg`)
    const config = readFileSync(args.at(-1)!, 'utf8')
    writeFileSync(file, config.replace(/^ {2}server /m, `${rules}  server `))
    args[args.length - 1] = file
  }
  const errors = at(`${name}.err`)
  const proxy = await startProxy({ name, ports, args, listens: ['http', 'https'], log, errors })
  proxies.push(proxy)
  return proxy
}

/** As its manual has it: algorithm, issuer, audience and time by rules, then the signature. */
function haproxyRules(): string {
  return `  http-request set-var(txn.alg) http_auth_bearer,jwt_header_query('$.alg')
  http-request set-var(txn.iss) http_auth_bearer,jwt_payload_query('$.iss')
  http-request set-var(txn.aud) http_auth_bearer,jwt_payload_query('$.aud')
  http-request set-var(txn.exp) http_auth_bearer,jwt_payload_query('$.exp','int')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 unless { var(txn.alg) -m str RS256 }
  http-request deny deny_status 401 unless { var(txn.iss) -m str ${ISSUER} }
  http-request deny deny_status 401 unless { var(txn.aud) -m str ${AUDIENCE} }
  http-request deny deny_status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }
  http-request deny deny_status 401 unless { http_auth_bearer,jwt_verify(txn.alg,"${at('public.pem')}") 1 }
`
}

function keySet(publicKey: KeyObject): string {
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'a', alg: 'RS256' }
  return JSON.stringify({ keys: [jwk] })
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

/** About 700 characters, as identity providers make them. */
function makeToken(privateKey: KeyObject, change: object): string {
  const iat = Math.floor(Date.now() / 1000)
  const claims = {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: '248289761001',
    client_id: 's6BhdRkqt3',
    iat,
    exp: iat + 3600,
    scope: 'openid profile email read',
    jti: 'a8f5f167f44f4964e6c998de',
    ...change,
  }
  const signed = `${encode({ alg: 'RS256', kid: 'a', typ: 'at+jwt' })}.${encode(claims)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`
}
