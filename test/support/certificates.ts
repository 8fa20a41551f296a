/** Certificates for tests, made on the spot and written where weir can read them. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { createAuthority, type Issued, issueLeaf } from '../../src/certificate/authority.ts'

export interface TestCertificate {
  readonly cert: string
  readonly key: string
  readonly issued: Issued
}

export interface TestAuthority {
  readonly pem: string
  readonly file: string
  /** Issues a leaf and writes it to `<name>.pem` and `<name>-key.pem`. */
  issue(
    name: string,
    names: readonly string[],
    validity?: { notBefore?: Date; notAfter?: Date },
  ): TestCertificate
}

export function testAuthority(t: Test): TestAuthority {
  const directory = t.testdir()
  const authority = createAuthority()
  const file = join(directory, 'ca.pem')
  writeFileSync(file, authority.certificatePem)
  return {
    pem: authority.certificatePem,
    file,
    issue(name, names, validity = {}) {
      const issued = issueLeaf(authority, { names, ...validity })
      const cert = join(directory, `${name}.pem`)
      const key = join(directory, `${name}-key.pem`)
      writeFileSync(key, issued.keyPem)
      writeFileSync(cert, issued.chainPem)
      return { cert, key, issued }
    },
  }
}
