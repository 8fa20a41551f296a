#!/usr/bin/env node
/**
 * The command line: argv → Config → main. The only file that reads process.argv or calls
 * process.exit.
 */
import { readFileSync } from 'node:fs'
import yargs, { type Argv, type Options } from 'yargs'
import { authorityCommand, inspectCommand, requestCommand } from './certificate/command.ts'
import { keyTypes } from './certificate/key-pair.ts'
import type { Config } from './config/config.ts'
import type { Flag, Problem } from './config/flag.ts'
import { flagNames, flags } from './config/flags.ts'
import { loadConfig } from './config/load.ts'
import { addBansCommands } from './cli-bans.ts'
import { top, topOptions } from './cli-top.ts'
import { why, whyOptions } from './cli-why.ts'
import { addKeysCommands, keysCommandNames } from './cli-keys.ts'
import { didYouMean } from './config/nearest.ts'
import { jsonSchema } from './config/schema.ts'
import { configToYaml } from './config/yaml.ts'

const BAD_USAGE = 2
const commandNames = [
  ...'serve check schema demo cert ca csr inspect keys bans why top kernel-bans'.split(' '),
  ...keysCommandNames,
]
const version = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
).version

type Arguments = Readonly<Record<string, unknown>>

async function run(argv: readonly string[]): Promise<number> {
  let exitCode = 0
  const commands = yargs([...argv])
    .scriptName('weir')
    .usage(
      'weir: a TCP/TLS load balancer with DoS protection\n\n  $0 --listen tls://[::]:443 --cert CERT --key KEY --backend tcp://HOST:PORT',
    )
    .version(version)
    .help()
    .alias({ help: 'h' })
    .wrap(110)
    .parserConfiguration({
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
      'duplicate-arguments-array': true,
    })
    .exitProcess(false)
    .strict()
    .fail((message, error) => {
      throw error ?? new UsageError(message)
    })
    .command(
      ['serve', '$0'],
      'Balance traffic (what happens without a command)',
      addFlags,
      async args => {
        exitCode = await withConfig(args, async (config, warnings) => {
          const { serve } = await import('./main.ts')
          return await serve(config, warnings)
        })
      },
    )
    .command(
      'check',
      'Check flags, environment and file; print the resolved config as YAML',
      addFlags,
      async args => {
        exitCode = await withConfig(args, async (config, warnings) => {
          const { checkHosts } = await import('./main.ts')
          const problems = await checkHosts(config)
          for (const warning of warnings) complain(`warning: ${warning}`)
          if (problems.length > 0) return report(problems)
          print(configToYaml(config).trimEnd())
          return 0
        })
      },
    )
    .command('schema', 'Print the JSON Schema of the config file', noFlags, () => {
      print(JSON.stringify(jsonSchema(), null, 2))
    })
    .command(
      'demo',
      'Try it: a development certificate, three backends, https://localhost:8443',
      noFlags,
      async () => {
        const { demo } = await import('./demo.ts')
        exitCode = await demo(print)
      },
    )
    .command('cert', 'Certificates: a development authority, signing requests, inspection', yargs =>
      addCertCommands(yargs, code => {
        exitCode = code
      }),
    )
    .command('keys', 'API keys: create, list, revoke, rotate, import', yargs =>
      addKeysCommands(yargs, { print, note: complain }, code => {
        exitCode = code
      }),
    )
    .command('bans', 'Bans of a weir that runs: list, add, remove', yargs =>
      addBansCommands(yargs, { print, note: complain }, code => {
        exitCode = code
      }),
    )
    .command(
      'why <what>',
      'Why a request was refused, or how an address stands, in a weir that runs',
      whyOptions,
      async args => {
        exitCode = await why(args, { print, note: complain })
      },
    )
    .command('top [of]', 'Who and what keeps a running weir busy', topOptions, async args => {
      exitCode = await top(args, { print, note: complain })
    })
    .command(
      'kernel-bans',
      'The helper of --kernel-bans: needs CAP_NET_ADMIN, and is all that does',
      c =>
        c.options({
          socket: {
            type: 'string',
            default: '',
            describe: 'Unix socket to listen on; without one, the inherited descriptor 3',
          },
          table: { type: 'string', default: 'weir', describe: 'Table of nftables, family inet' },
        }),
      async args => {
        const { helperCommand } = await import('./kernel/helper.ts')
        exitCode = await helperCommand(args.socket, args.table, complain)
      },
    )
  try {
    await commands.parseAsync()
    return exitCode
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (error instanceof UsageError || error.name === 'YError') {
      complain(`weir: ${explainUsage(error.message, argv)}`)
      complain('weir --help lists the flags')
      return BAD_USAGE
    }
    throw error
  }
}

class UsageError extends Error {}

function addFlags(command: Argv): Argv {
  for (const name of flagNames) command.option(name, optionFor(flags[name]))
  return command
}

function noFlags(command: Argv): Argv {
  return command
}

function optionFor(flag: Flag): Options {
  const fallback = flag.default === undefined || flag.default === '' ? '' : ` [${flag.default}]`
  const choices = flag.choices === undefined ? '' : ` (${flag.choices.join(', ')})`
  const describe = `${flag.value === '' ? '' : `${flag.value}  `}${flag.help}${choices}${fallback}`
  return {
    group: `${flag.group}:`,
    describe,
    ...(flag.kind === 'boolean' ? { type: 'boolean' } : { type: 'string', requiresArg: true }),
  }
}

function addCertCommands(command: Argv, done: (code: number) => void): Argv {
  const keyType = { choices: keyTypes, default: 'ec' as const, describe: 'Kind of key' }
  const names = {
    type: 'string',
    array: true,
    default: [] as string[],
    describe: 'Name or address; repeatable',
  } as const
  return command
    .command(
      'ca',
      'Make a development authority and a leaf',
      c =>
        c.options({
          out: { type: 'string', default: 'certs/dev', describe: 'Folder' },
          name: names,
          'key-type': keyType,
        }),
      args => {
        done(
          authorityCommand({ out: args.out, names: args.name, keyType: args['key-type'] }, print),
        )
      },
    )
    .command(
      'csr',
      'Make a key and a signing request',
      c =>
        c.options({
          out: { type: 'string', default: '.', describe: 'Folder' },
          name: names,
          'key-type': keyType,
          force: { type: 'boolean', default: false, describe: 'Overwrite files that are there' },
        }),
      args => {
        done(
          requestCommand(
            { out: args.out, names: args.name, keyType: args['key-type'], force: args.force },
            print,
          ),
        )
      },
    )
    .command(
      'inspect <file>',
      'Names, expiry, key type and chain problems of a certificate',
      c =>
        c.positional('file', { type: 'string', demandOption: true }).options({
          key: { type: 'string', describe: 'Its private key, to check that they match' },
        }),
      args => {
        done(inspectCommand(args.file, args.key, print))
      },
    )
    .demandCommand(1, 'cert needs one of: ca, csr, inspect')
}

async function withConfig(
  args: Arguments,
  use: (config: Config, warnings: readonly string[]) => Promise<number>,
): Promise<number> {
  const loaded = loadConfig({ flags: givenFlags(args), env: process.env })
  return 'problems' in loaded ? report(loaded.problems) : await use(loaded.config, loaded.warnings)
}

/** What was written for each flag; yargs adds names of its own. */
function givenFlags(args: Arguments): Record<string, unknown> {
  const given: Record<string, unknown> = {}
  for (const name of flagNames) if (args[name] !== undefined) given[name] = args[name]
  return given
}

function report(problems: readonly Problem[]): number {
  complain(
    `weir: ${problems.length === 1 ? 'a problem' : `${problems.length} problems`} with the configuration:`,
  )
  for (const { where, message } of problems) complain(`  ${where}: ${message}`)
  return BAD_USAGE
}

/** Names the flag or command that was probably meant; yargs calls both an argument. */
function explainUsage(message: string, argv: readonly string[]): string {
  // yargs takes -listen for -l -i -s -t -e -n.
  const oneDash = argv.find(each => /^-[a-z]{2}/.test(each))
  if (oneDash !== undefined) {
    const name = oneDash.slice(1).replace(/=.*/, '')
    return `flags begin with two dashes, ${oneDash} has one${didYouMean(name, flagNames).replace('mean ', 'mean --')}`
  }
  const match = /^Unknown (?:arguments?|commands?): (.+)$/.exec(message)
  if (match === null) return message
  return match[1]!
    .split(', ')
    .map(name =>
      argv.includes(name)
        ? `unknown command ${name}${didYouMean(name, commandNames)}`
        : `unknown flag --${name}${didYouMean(name, flagNames).replace('mean ', 'mean --')}`,
    )
    .join('\n      ')
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function complain(line: string): void {
  process.stderr.write(`${line}\n`)
}

process.exitCode = await run(process.argv.slice(2))
// What is left open now is only what nobody waits for.
process.exit()
