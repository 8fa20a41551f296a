/** How the bench's processes speak: one line of JSON. */
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

/** @throws if the process ends without a line */
export async function firstLine(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) return line
  throw new Error(`${child.spawnargs.slice(-4).join(' ')} ended without a word`)
}
