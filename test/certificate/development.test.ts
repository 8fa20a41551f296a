import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { createAuthority, issueLeaf } from '../../src/certificate/authority.ts'
import {
  type DevelopmentFiles,
  type DevelopmentOptions,
  ensureDevelopmentCertificate,
  writePrivate,
} from '../../src/certificate/development.ts'
import { inspectCertificate } from '../../src/certificate/inspect.ts'

const DAY_MS = 86_400_000
const NOW = new Date('2030-06-01T00:00:00Z')
const inDays = (days: number) => new Date(NOW.getTime() + days * DAY_MS)

const read = (path: string) => readFileSync(path, 'utf8')
const mode = (path: string) => statSync(path).mode & 0o777

function facts(files: DevelopmentFiles, now: Date) {
  const found = inspectCertificate(read(files.cert), read(files.key), now)
  return { ...found, leaf: found.chain[0]! }
}

/** A folder, and the call on it at NOW. */
function folder(t: Test) {
  const directory = join(t.testdir(), 'certs', 'dev')
  const ensure = (options: DevelopmentOptions = {}) =>
    ensureDevelopmentCertificate(directory, { now: NOW, ...options })
  return { directory, ensure }
}

test('an empty folder gets an authority and a leaf for this host, without a problem', async t => {
  const { directory, ensure } = folder(t)
  const files = ensure()
  t.equal(files.made, true)
  const names = ['ca-key.pem', 'ca.pem', 'localhost-key.pem', 'localhost.pem']
  t.same(readdirSync(directory).toSorted(), names)
  const { leaf, problems, chain } = facts(files, NOW)
  t.same(problems, [])
  t.same(leaf.names, ['localhost', '127.0.0.1', '::1'])
  t.equal(leaf.keyType, 'ec')
  const [authority] = inspectCertificate(read(files.authority), undefined, NOW).chain
  t.equal(chain[1]?.fingerprint, authority?.fingerprint)
})

test('keys can be read by their owner only, even where all could read the one before', async t => {
  const { directory, ensure } = folder(t)
  const { key } = ensure()
  const caKey = join(directory, 'ca-key.pem')
  t.same([mode(key), mode(caKey)], [0o600, 0o600])
  chmodSync(key, 0o644)
  ensure({ names: ['a.test'] })
  t.equal(mode(key), 0o600)
})

test('what is good is kept to the byte, and what nears its end is made anew', async t => {
  const { ensure } = folder(t)
  const files = ensure()
  const [cert, key, authority] = [read(files.cert), read(files.key), read(files.authority)]
  t.equal(ensure().made, false)
  t.equal(ensure({ names: ['::1', 'LOCALHOST', '127.0.0.1'] }).made, false, 'the same names')
  t.equal(ensure({ now: inDays(82.9) }).made, false, '7 days are left')
  t.equal(read(files.cert), cert)

  const later = inDays(83)
  t.equal(ensure({ now: later }).made, true, 'less than 7 days are left')
  t.not(read(files.cert), cert)
  t.equal(read(files.key), key, 'for the key that is there')
  t.equal(read(files.authority), authority, 'clients that trust the authority need not know')
  t.same(facts(files, later).problems, [])
  t.equal(ensure({ now: inDays(-1) }).made, true, 'not valid yet')
})

test('other names make another leaf, of as many names too', async t => {
  const { ensure } = folder(t)
  const first = ensure({ names: ['a.test'] })
  const authority = read(first.authority)
  t.equal(ensure({ names: ['b.test'] }).made, true)
  t.same(facts(first, NOW).leaf.names, ['b.test'])
  t.equal(read(first.authority), authority)
  t.equal(ensure({ names: ['b.test', 'c.test'] }).made, true)
  t.equal(ensure({ names: ['c.test'] }).made, true, 'one name less')
})

test('an authority at its end is certified again with the key it has', async t => {
  const { ensure, directory } = folder(t)
  const files = ensure()
  const key = read(join(directory, 'ca-key.pem'))
  const later = inDays(3649)
  t.equal(ensure({ now: later }).made, true)
  t.equal(read(join(directory, 'ca-key.pem')), key)
  t.same(facts(files, later).problems, [])
})

test('a lost file is made again from what is left', async t => {
  for (const lost of ['ca.pem', 'ca-key.pem', 'localhost.pem', 'localhost-key.pem']) {
    const { ensure, directory } = folder(t)
    rmSync(directory, { recursive: true, force: true })
    const files = ensure()
    rmSync(join(directory, lost))
    t.equal(ensure().made, true, lost)
    t.ok(existsSync(join(directory, lost)), lost)
    t.same(facts(files, NOW).problems, [], lost)
    t.equal(ensure().made, false, lost)
  }
})

test('a certificate and keys of somebody else are left alone, unless forced', async t => {
  const { ensure, directory } = folder(t)
  const files = ensure()
  const stranger = createAuthority({ name: 'Example CA', notBefore: inDays(-1) })
  const theirs = issueLeaf(stranger, { names: ['www.example.com'], notBefore: inDays(-1) })
  writeFileSync(files.cert, theirs.chainPem)
  writeFileSync(files.key, theirs.keyPem)
  const before = readdirSync(directory).map(name => read(join(directory, name)))
  t.throws(() => ensure(), {
    name: 'RangeError',
    message:
      `${files.cert} was not issued by a weir development CA: ` +
      'move it away, choose another folder, or force it',
  })
  t.same(
    readdirSync(directory).map(name => read(join(directory, name))),
    before,
    'nothing was written',
  )
  t.equal(ensure({ force: true }).made, true)
  t.same(facts(files, NOW).problems, [])
  t.not(read(files.key), theirs.keyPem)
})

test('an authority of somebody else issues, and is never replaced unless forced', async t => {
  const { ensure, directory } = folder(t)
  const files = ensure()
  const theirs = createAuthority({
    name: 'Example CA',
    notBefore: inDays(-1),
    notAfter: inDays(30),
  })
  writeFileSync(files.authority, theirs.certificatePem)
  writeFileSync(join(directory, 'ca-key.pem'), theirs.keyPem)
  t.equal(ensure().made, true)
  t.equal(facts(files, NOW).leaf.issuer, 'CN=Example CA')
  t.equal(read(files.authority), theirs.certificatePem)
  t.throws(() => ensure({ now: inDays(29) }), /ca\.pem was not issued by a weir development CA/)
})

test('a key that is damaged, or of another type than asked for, is not replaced', async t => {
  const { ensure } = folder(t)
  const files = ensure()
  t.throws(() => ensure({ keyType: 'rsa' }), {
    name: 'RangeError',
    message:
      `${files.key} holds a key of type ec, not rsa: ` +
      'move it away, choose another folder, or force it',
  })
  writeFileSync(files.key, 'damaged')
  t.throws(() => ensure(), {
    name: 'RangeError',
    message:
      `${files.key} holds no ec or rsa key weir can read: ` +
      'move it away, choose another folder, or force it',
  })
  t.equal(ensure({ keyType: 'rsa', force: true }).made, true)
  t.equal(facts(files, NOW).leaf.keyType, 'rsa')
  t.equal(ensure().made, false, 'no type asked for: the one that is there')
})

test('a name that is none is refused before anything is written', async t => {
  const { ensure, directory } = folder(t)
  t.throws(() => ensure({ names: ['a b'] }), { name: 'RangeError', message: /^name 'a b'/ })
  t.equal(existsSync(directory), false)
})

test('a private file leaves no draft behind, and takes the place of a link', async t => {
  const directory = t.testdir({ target: 'public', link: t.fixture('symlink', 'target') })
  writePrivate(join(directory, 'link'), 'secret')
  t.equal(read(join(directory, 'link')), 'secret')
  t.equal(read(join(directory, 'target')), 'public', 'it was not written through the link')
  t.same(readdirSync(directory).toSorted(), ['link', 'target'])
})
