/** Clients that say who they are by a certificate, at a real weir. */
import { createHash, X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import { type Test, test } from 'tap'
import { createAuthority, type Issued, issueLeaf } from '../../src/certificate/authority.ts'
import { dialTls, readAll } from '../support/client.ts'
import { sayName, startHttpBackend } from '../support/http-backend.ts'
import { writeRevocations } from '../support/revocation.ts'
import { AUDIENCE, goodClaims, ISSUER, issue, keySetText, makeKey } from '../support/tokens.ts'
import { until } from '../support/until.ts'
import { runWeir, startWeir, withoutLimits } from '../support/weir.ts'

const server = createAuthority()
const clients = createAuthority()
const es = makeKey('ES256', 'es')

function clientOf(authority: Issued, name: string, notAfter?: Date): Issued {
  const validity =
    notAfter === undefined ? {} : { notBefore: new Date(Date.now() - 7200_000), notAfter }
  return issueLeaf(authority, { names: [name], clientAuth: true, ...validity })
}

const known = clientOf(clients, 'known.example')

function thumbprint({ certificatePem }: Issued): string {
  return createHash('sha256').update(new X509Certificate(certificatePem).raw).digest('base64url')
}

/** Writes what weir needs, `crl.pem` with nobody in it too. @returns where it is */
function files(t: Test): string {
  const directory = t.testdir()
  const leaf = issueLeaf(server, { names: ['localhost'] })
  for (const [name, content] of [
    ['cert.pem', leaf.chainPem],
    ['key.pem', leaf.keyPem],
    ['clients.pem', clients.certificatePem],
    ['keys.json', keySetText(es)],
  ] as const) {
    writeFileSync(join(directory, name), content)
  }
  writeRevocations(directory, clients, [])
  return directory
}

/** @param flags DIR in them is where the files are */
async function start(t: Test, ...flags: string[]) {
  const backend = await startHttpBackend(t, sayName('a'))
  const directory = files(t)
  const own = ['--cert', 'DIR/cert.pem', '--key', 'DIR/key.pem', '--client-ca', 'DIR/clients.pem']
  const weir = await startWeir(
    t,
    withoutLimits(
      ...['--listen', 'https://127.0.0.1:0', '--backend', backend.url],
      ...(flags.includes('--workers') ? [] : ['--workers', '2']),
      ...['--request-rate', '0', '--auth-failure-rate', '0'],
      ...[...own, ...flags].map(flag => flag.replace('DIR', directory)),
    ),
  )
  return { weir, port: weir.ports[0]!, backend, directory }
}

interface Asked {
  readonly answer: string
  readonly session: Buffer | undefined
  readonly resumed: boolean
}

/** @returns the status and reason, or the code of what broke */
async function ask(
  port: number,
  client: Issued | null,
  fields = '',
  options: ConnectionOptions = {},
): Promise<Asked> {
  let session: Buffer | undefined
  let resumed = false
  try {
    const socket = await dialTls(port, {
      ca: server.certificatePem,
      ...(client === null ? {} : { cert: client.chainPem, key: client.keyPem }),
      ...options,
    })
    // Of TLS 1.2 it is there by now, of TLS 1.3 it comes later.
    session = socket.getSession()
    socket.on('session', (next: Buffer) => (session = next))
    resumed = socket.isSessionReused()
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}\r\n`)
    const text = (await readAll(socket)).toString()
    if (text === '') return { answer: 'closed', session, resumed }
    const reason = /"reason":"([^"]*)"/.exec(text)?.[1] ?? ''
    return { answer: `${text.split(' ')[1]} ${reason}`.trim(), session, resumed }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { answer: code ?? message, session, resumed }
  }
}

test('a client with a good certificate is let in and named, any other is not', async t => {
  const { weir, port, backend } = await start(t)
  t.equal((await ask(port, known)).answer, '200')
  t.match(backend.seen[0]!.headers, {
    'x-weir-auth': 'mtls',
    'x-weir-subject': 'known.example',
  })
  const none = (await ask(port, null)).answer
  t.match(none, /CERTIFICATE_REQUIRED|closed|RESET/, none)
  for (const [what, client] of [
    ['of another authority', clientOf(createAuthority(), 'known.example')],
    ['for servers alone', issueLeaf(clients, { names: ['known.example'] })],
    ['over', clientOf(clients, 'old.example', new Date(Date.now() - 3600_000))],
  ] as const) {
    const { answer } = await ask(port, client)
    t.match(answer, /RESET|closed|EPIPE/, `${what}: ${answer}`)
  }
  await weir.metricIs('weir_refusals_total', { reason: 'certificate-untrusted' }, 3)
  t.equal(backend.seen.length, 1)
})

test('many bad certificates at once do no harm to others', async t => {
  const { weir, port } = await start(t)
  const bad = clientOf(createAuthority(), 'x')
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all(
      Array.from(
        { length: 40 },
        async (_, i) => (await ask(port, i % 4 === 0 ? known : bad)).answer,
      ),
    )
    t.equal(answers.filter(answer => answer === '200').length, 10)
  }
  t.equal(weir.child.exitCode, null)
})

test('a session that is resumed has the certificate it began with', async t => {
  const { port, backend } = await start(t, '--workers', '1')
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const first = await ask(port, known, '', { maxVersion })
    t.equal(first.answer, '200')
    const again = await ask(port, known, '', { maxVersion, session: first.session! })
    t.equal(again.answer, '200')
    t.ok(again.resumed, maxVersion)
  }
  t.equal(
    backend.seen.filter(({ headers }) => headers['x-weir-subject'] === 'known.example').length,
    4,
  )
})

test('a session that is resumed does not outlast its certificate', async t => {
  const { port, weir } = await start(t, '--auth', 'none', '--workers', '1')
  const endMs = Math.ceil(Date.now() / 1000 + 2) * 1000
  const brief = clientOf(clients, 'brief.example', new Date(endMs))
  const versions = ['TLSv1.2', 'TLSv1.3'] as const
  const sessions = []
  for (const maxVersion of versions) {
    const { answer, session } = await ask(port, brief, '', { maxVersion })
    t.equal(answer, '200')
    sessions.push({ maxVersion, session: session! })
  }
  await until(() => Date.now() > endMs + 1000, 'it is over', 10_000)
  for (const options of sessions) {
    const { answer, resumed } = await ask(port, brief, '', options)
    t.ok(resumed)
    t.match(answer, /RESET|closed|EPIPE/, answer)
  }
  await weir.metricIs('weir_refusals_total', { reason: 'certificate-untrusted' }, 2)
})

test('where it is optional the routes say who must have one', async t => {
  const { port, backend } = await start(t, '--client-cert', 'optional', '--auth', 'mtls')
  t.equal((await ask(port, known)).answer, '200')
  t.equal((await ask(port, null)).answer, '401 credential-missing')
  t.match((await ask(port, clientOf(createAuthority(), 'x'))).answer, /RESET|closed|EPIPE/)
  t.equal(backend.seen.length, 1)
  const open = await start(t, '--client-cert', 'optional', '--auth', 'none')
  t.equal((await ask(open.port, null)).answer, '200')
})

test('what is revoked is out within a second, also where a session would be resumed', async t => {
  const { port, directory, weir } = await start(t, '--client-crl', 'DIR/crl.pem')
  const first = await ask(port, known)
  t.equal(first.answer, '200')
  const revokedMs = Date.now()
  writeRevocations(directory, clients, [known.certificatePem])
  const told = await weir.line(({ msg }) => msg === 'client authorities replaced', 'the new list')
  t.ok(Number(told['time']) - revokedMs < 1000, 'within a second')
  await until(async () => {
    const answers = await Promise.all(
      Array.from(
        { length: 10 },
        async (_, i) =>
          (await ask(port, known, '', i < 5 ? {} : { session: first.session! })).answer,
      ),
    )
    return answers.every(answer => /RESET|closed|EPIPE/.test(answer))
  }, 'it is refused')
  t.equal((await ask(port, clientOf(clients, 'other.example'))).answer, '200')
})

test('a token that is bound to a certificate is of no use without it', async t => {
  const { port } = await start(
    t,
    ...['--client-cert', 'optional', '--auth', 'jwt', '--jwks', 'DIR/keys.json'],
    ...['--jwt-issuer', ISSUER, '--jwt-audience', AUDIENCE],
  )
  const now = Math.floor(Date.now() / 1000)
  const cnf = { 'x5t#S256': thumbprint(known) }
  const bound = `Authorization: Bearer ${await issue(es, goodClaims(now, { cnf }))}\r\n`
  t.equal((await ask(port, known, bound)).answer, '200')
  t.equal((await ask(port, null, bound)).answer, '401 token-binding')
  const other = clientOf(clients, 'other.example')
  t.equal((await ask(port, other, bound)).answer, '401 token-binding')
  const free = `Authorization: Bearer ${await issue(es, goodClaims(now))}\r\n`
  t.equal((await ask(port, null, free)).answer, '200')
  t.equal((await ask(port, known, free)).answer, '200')
})

test('files that will not do are told at start', async t => {
  const { directory } = await start(t)
  const flags = [
    ...['check', '--listen', 'https://127.0.0.1:0', '--backend', 'http://127.0.0.1:1'],
    ...['--cert', join(directory, 'cert.pem'), '--key', join(directory, 'key.pem')],
  ]
  const keys = join(directory, 'keys.json')
  for (const [more, message] of [
    [['--client-ca', keys], `--client-ca: ${keys} holds no PEM certificate`],
    [['--client-ca', '/nowhere'], '--client-ca: /nowhere does not exist'],
    [
      ['--client-ca', join(directory, 'clients.pem'), '--client-crl', keys],
      `--client-crl: ${keys} holds no PEM revocation list`,
    ],
    [['--client-crl', keys], '--client-crl: is of no use without --client-ca'],
  ] as const) {
    const { code, stderr } = await runWeir([...flags, ...more])
    t.equal(code, 2)
    t.match(stderr, message)
  }
})
