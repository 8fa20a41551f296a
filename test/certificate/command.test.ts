import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { createAuthority, issueLeaf } from '../../src/certificate/authority.ts'
import { authorityCommand, inspectCommand, requestCommand } from '../../src/certificate/command.ts'

const DAY_MS = 86_400_000
const NOW = new Date('2030-06-01T00:00:00Z')
const inDays = (days: number) => new Date(NOW.getTime() + days * DAY_MS)

/** Runs a command; what it printed, as lines. */
function run(command: (print: (line: string) => void) => number) {
  const lines: string[] = []
  const exitCode = command(line => lines.push(line))
  return { exitCode, lines }
}

function files(t: Test, contents: Record<string, string>): (name: string) => string {
  const directory = t.testdir(contents)
  return name => join(directory, name)
}

function ca(out: string, name: string, force = false) {
  return run(print => authorityCommand({ out, names: [name], keyType: 'ec', force }, print))
}

test('ca makes a certificate, says how to use it, and keeps it the next time', async t => {
  const out = join(t.testdir(), 'dev')
  const options = { out, names: ['a.test'], keyType: 'ec' } as const
  t.same(
    run(print => authorityCommand(options, print)),
    {
      exitCode: 0,
      lines: [
        'made a development certificate for a.test:',
        `  --cert ${out}/localhost.pem --key ${out}/localhost-key.pem`,
        `  clients trust it with: curl --cacert ${out}/ca.pem`,
      ],
    },
  )
  const again = run(print => authorityCommand(options, print))
  t.equal(again.lines[0], 'there already, and still good:')
})

test('ca refuses a bad name, a folder it cannot write, and files not its own', async t => {
  const path = files(t, { file: '' })
  t.match(ca(path('dev'), 'a b'), { exitCode: 2, lines: [/^name 'a b' is neither/] })
  t.match(ca(path('file'), 'a.test'), { exitCode: 2, lines: [/^E(EXIST|NOTDIR)/] })

  const theirs = issueLeaf(createAuthority({ name: 'Example CA' }), { names: ['a.test'] })
  writeFileSync(path('localhost.pem'), theirs.chainPem)
  writeFileSync(path('localhost-key.pem'), theirs.keyPem)
  t.match(ca(path(''), 'a.test'), {
    exitCode: 2,
    lines: [/was not issued by a weir development CA/],
  })
  t.equal(readFileSync(path('localhost-key.pem'), 'utf8'), theirs.keyPem)
  t.equal(ca(path(''), 'a.test', true).exitCode, 0)
  t.not(readFileSync(path('localhost-key.pem'), 'utf8'), theirs.keyPem)
})

test('csr writes a key for its owner only and a request, and replaces them only if forced', async t => {
  const out = join(t.testdir(), 'new')
  const csr = (force: boolean) =>
    run(print => requestCommand({ out, names: ['*.a.test'], keyType: 'ec', force }, print))
  const key = `${out}/wildcard.a.test-key.pem`
  t.same(csr(false), {
    exitCode: 0,
    lines: [
      `key     ${key} (keep it here)`,
      `request ${out}/wildcard.a.test.csr (send it to the authority)`,
    ],
  })
  t.equal(statSync(key).mode & 0o777, 0o600)
  const first = readFileSync(key, 'utf8')
  t.match(csr(false), { exitCode: 2, lines: [/-key\.pem is there already; --force overwrites it/] })
  t.equal(readFileSync(key, 'utf8'), first)
  t.equal(csr(true).exitCode, 0)
  t.not(readFileSync(key, 'utf8'), first)
})

test('csr refuses to go without a name, and leaves nothing behind for a bad one', async t => {
  const out = join(t.testdir(), 'new')
  const csr = (...names: readonly string[]) =>
    run(print => requestCommand({ out, names, keyType: 'ec', force: false }, print))
  t.match(csr(), { exitCode: 2, lines: [/^--name: no name is given/] })
  t.match(csr('a_b'), { exitCode: 2, lines: [/^name 'a_b' is neither/] })
  t.match(csr('../../up'), { exitCode: 2, lines: [/is neither/] })
  t.equal(existsSync(out), false)
})

test('inspect prints every certificate, the days left, and that the key matches', async t => {
  const root = createAuthority({ notBefore: inDays(-1) })
  const validity = { notBefore: inDays(-1), notAfter: inDays(60.5) }
  const leaf = issueLeaf(root, { names: ['a.test', '::1'], ...validity })
  const path = files(t, { 'cert.pem': leaf.chainPem, 'key.pem': leaf.keyPem })
  const { exitCode, lines } = run(print =>
    inspectCommand(path('cert.pem'), path('key.pem'), print, NOW),
  )
  t.equal(exitCode, 0)
  t.match(lines, [
    'certificate  CN=a.test',
    '  names        a.test, ::1',
    '  issued by    CN=weir development CA',
    '  valid        2030-05-31 to 2030-07-31 (60 days left)',
    '  key          EC P-256',
    /^ {2}serial {7}[0-9A-F]{32}$/,
    /^ {2}SHA-256 {6}([0-9A-F]{2}:){31}[0-9A-F]{2}$/,
    'issuer       CN=weir development CA',
  ])
  t.equal(lines.at(-1), 'private key   matches the certificate')
})

test('inspect exits with 1 for a problem, and with 2 if there is nothing to inspect', async t => {
  const root = createAuthority({ notBefore: inDays(-9) })
  const validity = { notBefore: inDays(-9), notAfter: inDays(-1) }
  const leaf = issueLeaf(root, { names: ['a.test'], ...validity })
  const path = files(t, { 'cert.pem': leaf.chainPem, 'key.pem': root.keyPem, 'empty.pem': '' })
  const inspect = (cert: string, key?: string) =>
    run(print => inspectCommand(path(cert), key && path(key), print, NOW))
  const bad = inspect('cert.pem', 'key.pem')
  t.equal(bad.exitCode, 1)
  t.match(bad.lines.slice(-2), [/^error: the private key does not match/, /^warning: .* expired/])
  t.notOk(
    bad.lines.some(line => line.startsWith('private key')),
    'and does not say it matches',
  )
  t.match(inspect('empty.pem'), { exitCode: 2, lines: [/^error: no certificate/] })
  t.match(inspect('none.pem'), { exitCode: 2, lines: [/none\.pem does not exist$/] })
  t.match(inspect('cert.pem', 'none.pem'), {
    exitCode: 2,
    lines: [/none\.pem does not exist$/],
  })
})

test('the script makes what it is told to where it is told to', async t => {
  const out = join(t.testdir(), 'dev')
  const generate = (...args: readonly string[]) =>
    spawnSync(process.execPath, ['certs/generate.ts', '--out', out, ...args], { encoding: 'utf8' })
  const { status, stdout, stderr } = generate('--name', 'a.test', '--name', '::1')
  t.equal(status, 0, stderr)
  t.match(stdout, /^made a development certificate for a\.test, ::1:/)
  t.match(generate('--name', 'a.test', '--name', '::1').stdout, /^there already/)
  const odd = generate('--key-type', 'dsa')
  t.equal(odd.status, 2)
  t.equal(odd.stdout, "--key-type: 'dsa' is none of ec, rsa\n")
})
