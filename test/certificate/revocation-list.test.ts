import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { createAuthority } from '../../src/certificate/authority.ts'
import { nextUpdate } from '../../src/certificate/revocation-list.ts'
import { writeRevocations } from '../support/revocation.ts'

test('it is due when openssl says so, and what is no list says nothing', async t => {
  const path = writeRevocations(t.testdir(), createAuthority(), [])
  const pem = readFileSync(path, 'utf8')
  const said = execFileSync('openssl', ['crl', '-in', path, '-noout', '-nextupdate'])
  t.equal(nextUpdate(pem)?.getTime(), Date.parse(said.toString().replace('nextUpdate=', '')))
  t.equal(nextUpdate(''), null)
  t.equal(nextUpdate(pem.slice(0, 120)), null)
  t.equal(nextUpdate(createAuthority().certificatePem), null)
})
