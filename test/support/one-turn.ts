/** Several things that weir finds at once. */
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { until } from './until.ts'

/** Holds weir still meanwhile: what is written then it finds in one turn of its loop. */
export async function inOneTurn(child: ChildProcess, write: () => void): Promise<void> {
  child.kill('SIGSTOP')
  await until(() => / T /.test(readFileSync(`/proc/${child.pid}/stat`, 'utf8')), 'it stands still')
  // Small writes on idle sockets lie in weir's sockets when they return.
  write()
  child.kill('SIGCONT')
}
