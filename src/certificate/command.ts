/** `weir cert ca | csr | inspect`: what they do, apart from how they are called (cli.ts). */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  DEVELOPMENT_NAMES,
  type DevelopmentFiles,
  ensureDevelopmentCertificate,
  writePrivate,
} from './development.ts'
import { describeKey } from './facts.ts'
import { inspectCertificate } from './inspect.ts'
import type { KeyType } from './key-pair.ts'
import { createRequest } from './request.ts'
import { daysLeft } from './validity.ts'

type Print = (line: string) => void

export interface AuthorityCommand {
  readonly out: string
  readonly names: readonly string[]
  readonly keyType: KeyType
  /** Replace files weir did not make; false if absent. */
  readonly force?: boolean
}

/** A development authority and a leaf. @returns the exit code */
export function authorityCommand(options: AuthorityCommand, print: Print): number {
  const names = options.names.length === 0 ? DEVELOPMENT_NAMES : options.names
  const { out, keyType, force = false } = options
  let files: DevelopmentFiles
  try {
    files = ensureDevelopmentCertificate(out, { names, keyType, force })
  } catch (error) {
    print(expectedMessage(error))
    return 2
  }
  print(
    files.made
      ? `made a development certificate for ${names.join(', ')}:`
      : 'there already, and still good:',
  )
  print(`  --cert ${files.cert} --key ${files.key}`)
  print(`  clients trust it with: curl --cacert ${files.authority}`)
  return 0
}

export interface RequestCommand {
  readonly out: string
  readonly names: readonly string[]
  readonly keyType: KeyType
  readonly force: boolean
}

/** A key and a signing request for it. @returns the exit code */
export function requestCommand(options: RequestCommand, print: Print): number {
  const { out, names, keyType, force } = options
  if (names.length === 0) {
    print('--name: no name is given; write --name www.example.org, once per name')
    return 2
  }
  const files = {
    key: join(out, `${fileName(names[0]!)}-key.pem`),
    csr: join(out, `${fileName(names[0]!)}.csr`),
  }
  for (const file of Object.values(files)) {
    if (existsSync(file) && !force) {
      print(
        `${file} is there already; --force overwrites it (a certificate made for the old key is lost with it)`,
      )
      return 2
    }
  }
  try {
    const request = createRequest({ names, keyType })
    mkdirSync(out, { recursive: true })
    writePrivate(files.key, request.keyPem)
    writeFileSync(files.csr, request.csrPem)
  } catch (error) {
    print(expectedMessage(error))
    return 2
  }
  print(`key     ${files.key} (keep it here)`)
  print(`request ${files.csr} (send it to the authority)`)
  return 0
}

/** What a certificate says. @returns 0, 1 if something is wrong with it, 2 if it cannot be read */
export function inspectCommand(
  cert: string,
  key: string | undefined,
  print: Print,
  now = new Date(),
): number {
  let certPem: string
  let keyPem: string | undefined
  try {
    certPem = readFileSync(cert, 'utf8')
    keyPem = key === undefined ? undefined : readFileSync(key, 'utf8')
  } catch (error) {
    print(expectedMessage(error))
    return 2
  }
  const { chain, problems } = inspectCertificate(certPem, keyPem, now)
  for (const [i, facts] of chain.entries()) {
    print(`${i === 0 ? 'certificate' : 'issuer     '}  ${facts.subject || '(no subject)'}`)
    if (facts.names.length > 0) print(`  names        ${facts.names.join(', ')}`)
    print(`  issued by    ${facts.issuer}`)
    print(
      `  valid        ${day(facts.notBefore)} to ${day(facts.notAfter)} (${daysLeft(facts.notAfter, now)} days left)`,
    )
    print(`  key          ${describeKey(facts)}`)
    print(`  serial       ${facts.serial}`)
    print(`  SHA-256      ${facts.fingerprint}`)
  }
  if (keyPem !== undefined && !problems.some(({ code }) => code.startsWith('key-'))) {
    print('private key   matches the certificate')
  }
  for (const { severity, message } of problems) print(`${severity}: ${message}`)
  if (chain.length === 0) return 2
  return problems.length === 0 ? 0 : 1
}

/** What the operator can mend: an option out of its bounds, or the file system. The rest is a bug. */
function expectedMessage(error: unknown): string {
  if (error instanceof RangeError) return error.message
  if (error instanceof Error && 'syscall' in error) {
    const { code, path, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return `${path} does not exist`
    return code === 'EACCES' ? `${path} may not be read by this user` : message
  }
  throw error
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}

function fileName(name: string): string {
  return name.replaceAll('*', 'wildcard').replaceAll(/[^A-Za-z0-9.-]/g, '_')
}
