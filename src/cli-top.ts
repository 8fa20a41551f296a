/** `weir top`: who and what keeps a running weir busy, as a table. */
import type { Argv } from 'yargs'
import { type Asked, askAndSay, type Output, shown, SOCKET, table } from './cli-ask.ts'
import { type ToldTop, topKinds } from './control/top.ts'

const OPTIONS = {
  ...SOCKET,
  limit: { type: 'string', default: '20', requiresArg: true, describe: 'Rows at most' },
} as const

interface TopArgs extends Asked {
  readonly of: string
  readonly limit: string
}

export function topOptions(command: Argv): Argv<TopArgs> {
  return command
    .positional('of', {
      type: 'string',
      choices: topKinds,
      default: 'addresses',
      describe: 'Of what',
    })
    .options(OPTIONS)
}

/** @returns the exit code */
export function top(args: TopArgs, output: Output): Promise<number> {
  const path = `/top?of=${encodeURIComponent(args.of)}&limit=${encodeURIComponent(args.limit)}`
  return askAndSay(args, output, 'top', path, told => {
    const { kind, window_s, rows } = told as ToldTop
    if (rows.length === 0) return output.note(`no ${kind} within the last ${window_s} s`)
    const figures = Object.keys(rows[0]!)
    const cells = rows.map(row => figures.map(figure => shown(String(row[figure]))))
    const heads = figures.map((figure, i) => (i === 0 ? kind : figure.replaceAll('_', ' ')))
    for (const line of table([heads, ...cells])) output.print(line)
    output.note(`counts are of the last ${window_s} s, but for those that say otherwise`)
  })
}
