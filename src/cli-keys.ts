/** `weir keys …`: how the commands of auth/command.ts are called. */
import { text } from 'node:stream/consumers'
import type { Argv } from 'yargs'
import {
  createCommand,
  importCommand,
  type KeyTerms,
  listCommand,
  type Output,
  revokeCommand,
  rotateCommand,
} from './auth/command.ts'
import { usesPath } from './auth/key-uses.ts'
import type { Flag } from './config/flag.ts'
import { readValue } from './config/values.ts'

export const keysCommandNames = ['create', 'list', 'revoke', 'rotate', 'import']

const TEN_YEARS_MS = 3650 * 86_400_000
const SPAN: Flag = {
  group: 'keys',
  kind: 'duration',
  scope: 'process',
  value: 'TIME',
  min: 1000,
  max: TEN_YEARS_MS,
  zero: true,
  help: '',
}
const RATE: Flag = { ...SPAN, kind: 'rate', min: 0.01, max: 65_536, zero: false }
const COUNT: Flag = { ...SPAN, kind: 'count', min: 1, max: 1_000_000, zero: false }
const BURST: Flag = { ...COUNT, max: 100_000 }

const FILE = {
  file: {
    type: 'string',
    requiresArg: true,
    describe: 'File of keys, as --api-keys of weir; WEIR_API_KEYS unless given',
    default: process.env['WEIR_API_KEYS'] ?? '',
    defaultDescription: 'WEIR_API_KEYS',
  },
} as const
const NAME = {
  name: { type: 'string', demandOption: true, requiresArg: true, describe: 'Whose key it is' },
} as const
const EXPIRES = {
  expires: {
    type: 'string',
    default: '0',
    requiresArg: true,
    describe: 'Time it is valid; 0 is for ever',
  },
} as const
const TERMS = {
  scope: {
    type: 'string',
    array: true,
    default: [] as string[],
    describe: 'What its holder may do, for --require-scope; repeatable',
  },
  rate: {
    type: 'string',
    requiresArg: true,
    describe: 'Requests per second; --identity-rate unless given',
  },
  burst: {
    type: 'string',
    requiresArg: true,
    describe: 'Requests at once; two seconds of the rate unless given',
  },
  concurrency: {
    type: 'string',
    requiresArg: true,
    describe: 'Requests under way at the same time',
  },
  ...EXPIRES,
} as const

interface TermsArguments {
  readonly scope: readonly string[]
  readonly rate: string | undefined
  readonly burst: string | undefined
  readonly concurrency: string | undefined
  readonly expires: string
}

const BAD_INPUT = 2

export function addKeysCommands(command: Argv, output: Output, done: (code: number) => void): Argv {
  /** Reports what cannot be read of the options, or runs the command. */
  const run = async (read: Reader, file: string, call: () => number | Promise<number>) => {
    if (file === '')
      read.problems.push('--file: no file is given; write --file /etc/weir/keys.yaml')
    for (const problem of read.problems) output.note(problem)
    done(read.problems.length > 0 ? BAD_INPUT : await call())
  }
  return command
    .command(
      'create',
      'Make a key and print it: standard output has nothing else',
      c => c.options({ ...FILE, ...NAME, ...TERMS }),
      async args => {
        const read = new Reader()
        const terms = read.terms(args)
        read.name(args.name)
        await run(read, args.file, () => createCommand(args.file, args.name, terms, output))
      },
    )
    .command(
      'list',
      'What keys there are, and when each was used last',
      c =>
        c.options({
          ...FILE,
          usage: {
            type: 'string',
            requiresArg: true,
            describe: 'File of --api-key-usage, if it was given',
          },
          json: { type: 'boolean', default: false, describe: 'As JSON' },
        }),
      async args => {
        const uses = args.usage ?? usesPath(args.file)
        await run(new Reader(), args.file, () => listCommand(args.file, uses, args.json, output))
      },
    )
    .command(
      'revoke <key>',
      'End a key, by its id, or all keys of a name, at once',
      c => c.positional('key', { type: 'string', demandOption: true }).options(FILE),
      async args => {
        await run(new Reader(), args.file, () => revokeCommand(args.file, args.key, output))
      },
    )
    .command(
      'rotate <name>',
      'Make a further key on the terms of the last one, which goes on for a while',
      c =>
        c.positional('name', { type: 'string', demandOption: true }).options({
          ...FILE,
          overlap: {
            type: 'string',
            default: '1d',
            requiresArg: true,
            describe: 'Time that the last one goes on',
          },
          ...EXPIRES,
        }),
      async args => {
        const read = new Reader()
        const spans = {
          overlapMs: read.number('overlap', args.overlap, SPAN) ?? 0,
          expiresMs: read.number('expires', args.expires, SPAN) ?? 0,
        }
        await run(read, args.file, () => rotateCommand(args.file, args.name, spans, output))
      },
    )
    .command(
      'import',
      'Take in a key that was made elsewhere, from standard input, or its hash',
      c =>
        c.options({
          ...FILE,
          ...NAME,
          ...TERMS,
          hash: { type: 'string', requiresArg: true, describe: 'Its SHA-256 in hexadecimal' },
        }),
      async args => {
        const read = new Reader()
        const terms = read.terms(args)
        read.name(args.name)
        await run(read, args.file, async () => {
          const { hash } = args
          // Not as an argument: every user of the host could read it there.
          const key = hash ?? (await text(process.stdin)).trim()
          const secret = { text: key, isHash: hash !== undefined }
          return await importCommand(args.file, args.name, secret, terms, output)
        })
      },
    )
    .demandCommand(1, `keys needs one of: ${keysCommandNames.join(', ')}`)
}

/** Reads options as flags are read, and gathers what is wrong with them. */
class Reader {
  readonly problems: string[] = []

  terms(args: TermsArguments): KeyTerms {
    for (const scope of args.scope) {
      if (/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/.test(scope)) continue
      this.problems.push(`--scope: ${JSON.stringify(scope)} is no scope (RFC 6749 §3.3)`)
    }
    const rate = this.number('rate', args.rate, RATE)
    const burst = this.number('burst', args.burst, BURST)
    if (burst !== undefined && rate === undefined) {
      this.problems.push('--burst: is of no use without --rate')
    }
    return {
      scopes: args.scope,
      rate,
      burst,
      concurrency: this.number('concurrency', args.concurrency, COUNT),
      expiresMs: this.number('expires', args.expires, SPAN) ?? 0,
    }
  }

  name(name: string): void {
    if (/^[\x21-\x7e]{1,128}$/.test(name)) return
    this.problems.push(
      `--name: ${JSON.stringify(name)} is no name; write 1 to 128 visible ASCII characters`,
    )
  }

  number(option: string, written: string | undefined, flag: Flag): number | undefined {
    if (written === undefined) return undefined
    const read = readValue(flag, written)
    if ('error' in read) this.problems.push(`--${option}: ${read.error}`)
    else if (typeof read.value === 'number') return read.value
    return undefined
  }
}
