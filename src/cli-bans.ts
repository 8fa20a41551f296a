/** `weir bans …`: list, make and lift bans of a weir that runs. */
import type { Argv } from 'yargs'
import { type Asked, inWords, type Output, shown, SOCKET, table } from './cli-ask.ts'
import type { Flag } from './config/flag.ts'
import { readValue } from './config/values.ts'
import { AdminError, askAdmin } from './control/admin-client.ts'
import type { ToldBan, ToldLifted } from './control/ban-endpoints.ts'

const YEAR_MS = 366 * 86_400_000
const SPAN: Flag = {
  group: 'bans',
  kind: 'duration',
  scope: 'process',
  value: 'TIME',
  min: 1000,
  max: YEAR_MS,
  help: '',
}

const BLOCK = {
  cidr: { type: 'string', demandOption: true, describe: 'Address or block' },
} as const
const TERMS = {
  for: { type: 'string', default: '1h', requiresArg: true, describe: 'How long' },
  cause: { type: 'string', default: '', requiresArg: true, describe: 'Why, for the list' },
} as const

export function addBansCommands(command: Argv, output: Output, done: (code: number) => void): Argv {
  const run = async (args: Asked, ask: () => Promise<unknown>, say: (told: never) => void) => {
    try {
      const told = await ask()
      if (args.json) output.print(JSON.stringify(told))
      else say(told as never)
    } catch (error) {
      if (!(error instanceof AdminError)) throw error
      output.note(`weir bans: ${error.message}`)
      done(1)
    }
  }
  return command
    .command(
      'list',
      'Who is banned, and for how long still',
      c => c.options(SOCKET),
      async args => {
        const ask = () => askAdmin(args['admin-socket'], 'GET', '/bans')
        await run(args, ask, ({ bans }: { bans: readonly ToldBan[] }) => {
          if (bans.length === 0) return output.note('nobody is banned')
          for (const line of rows(bans)) output.print(line)
        })
      },
    )
    .command(
      'add <cidr>',
      'Ban an address or a block',
      c => c.positional('cidr', BLOCK.cidr).options({ ...SOCKET, ...TERMS }),
      async args => {
        const span = readValue(SPAN, args.for)
        if ('error' in span) {
          output.note(`weir bans: --for ${span.error}`)
          return done(2)
        }
        const forSeconds = Math.ceil((span.value as number) / 1000)
        const body = { cidr: args.cidr, for_s: forSeconds, cause: args.cause }
        const ask = () => askAdmin(args['admin-socket'], 'POST', '/bans', body)
        await run(args, ask, ({ ban }: { ban: ToldBan }) =>
          output.print(`${ban.cidr} is banned for ${inWords(ban.left_s)}`),
        )
      },
    )
    .command(
      'remove <cidr>',
      'Lift all bans of an address, or in a block',
      c => c.positional('cidr', BLOCK.cidr).options(SOCKET),
      async args => {
        const path = `/bans?cidr=${encodeURIComponent(args.cidr)}`
        const ask = () => askAdmin(args['admin-socket'], 'DELETE', path)
        await run(args, ask, ({ lifted, around }: ToldLifted) => {
          if (around !== null) {
            output.note(`${args.cidr} is banned still, as a part of ${around.cidr}`)
          } else if (lifted.length === 0) output.note(`nothing in ${args.cidr} was banned`)
          for (const { cidr } of lifted) output.print(`${cidr} is banned no more`)
        })
      },
    )
    .demandCommand(1, 'bans needs one of list, add, remove')
}

function rows(bans: readonly ToldBan[]): string[] {
  const head = ['address', 'left', 'in a row', 'by', 'cause']
  const each = bans.map(({ cidr, left_s, count, origin, cause }) => [
    cidr,
    inWords(left_s),
    String(count),
    origin,
    shown(cause),
  ])
  return table([head, ...each])
}
