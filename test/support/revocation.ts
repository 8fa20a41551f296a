/** What an authority of tests has revoked, as `openssl ca` writes it. */
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Issued } from '../../src/certificate/authority.ts'

/**
 * Writes `crl.pem` into the directory, whole at once.
 *
 * @param revoked PEM of certificates of the authority
 * @returns its path
 */
export function writeRevocations(
  directory: string,
  authority: Issued,
  revoked: readonly string[],
): string {
  const at = (name: string): string => join(directory, name)
  const index = revoked.map(pem => {
    const { serialNumber } = new X509Certificate(pem)
    return `R\t491231235959Z\t200101000000Z\t${serialNumber}\tunknown\t/CN=x\n`
  })
  writeFileSync(at('index.txt'), index.join(''))
  writeFileSync(
    at('ca.cnf'),
    '[ca]\ndefault_ca = d\n[d]\ndatabase = index.txt\ndefault_md = sha256\n',
  )
  writeFileSync(at('crl-ca.pem'), authority.certificatePem)
  writeFileSync(at('crl-ca-key.pem'), authority.keyPem)
  const files = ['-cert', 'crl-ca.pem', '-keyfile', 'crl-ca-key.pem', '-out', 'crl.new']
  execFileSync('openssl', ['ca', '-gencrl', '-config', 'ca.cnf', '-crldays', '30', ...files], {
    cwd: directory,
    stdio: 'ignore',
  })
  renameSync(at('crl.new'), at('crl.pem'))
  return at('crl.pem')
}
