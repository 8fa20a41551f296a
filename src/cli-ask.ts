/** What the commands that ask a running weir have in common: where it is, how it is asked, how it is printed. */
import { lineText } from './core/escapes.ts'
import { AdminError, askAdmin } from './control/admin-client.ts'

/** Where the unit has it. */
const USUAL_SOCKET = '/run/weir/admin.sock'

export const SOCKET = {
  'admin-socket': {
    type: 'string',
    requiresArg: true,
    default: process.env['WEIR_ADMIN_SOCKET'] ?? USUAL_SOCKET,
    defaultDescription: `WEIR_ADMIN_SOCKET, or ${USUAL_SOCKET}`,
    describe: 'Admin socket of the weir that runs',
  },
  json: { type: 'boolean', default: false, describe: 'What the socket answers, as it is' },
} as const

export interface Output {
  print(text: string): void
  note(text: string): void
}

export interface Asked {
  readonly 'admin-socket': string
  readonly json: boolean
}

/**
 * Asks, and prints the answer.
 *
 * @param command its name, for messages
 * @returns the exit code: 1 if there is no answer
 */
export async function askAndSay(
  args: Asked,
  output: Output,
  command: string,
  path: string,
  say: (told: unknown) => void,
): Promise<number> {
  try {
    const told = await askAdmin(args['admin-socket'], 'GET', path)
    if (args.json) output.print(asciiJson(told))
    else say(told)
    return 0
  } catch (error) {
    if (!(error instanceof AdminError)) throw error
    output.note(`weir ${command}: ${shown(error.message)}`)
    return 1
  }
}

/** Text that somebody else chose, as it may go to a terminal: visible ASCII. */
export function shown(text: string): string {
  return lineText(text, 512)
}

/** JSON escapes only what would end a string; a terminal takes more for a command. */
function asciiJson(told: unknown): string {
  return JSON.stringify(told).replace(
    /[\u007f-\uffff]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Columns as wide as what stands in them; the first row is the head. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map(row => row[i]!.length)))
  return rows.map(row =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  )
}

/** As people say it: 23h 5m, 9m 59s. */
export function inWords(seconds: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const
  const parts: string[] = []
  let left = seconds
  for (const [unit, length] of units) {
    const count = Math.floor(left / length)
    left -= count * length
    if (count > 0) parts.push(`${count}${unit}`)
  }
  return parts.slice(0, 2).join(' ') || '0s'
}
