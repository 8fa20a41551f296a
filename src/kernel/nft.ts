/** Runs nft. Its commands go to its standard input: there is no shell, and no argument but these. */
import { spawn } from 'node:child_process'

/** A kernel that is busy with others' rules makes it wait. */
const DEADLINE_MS = 20_000
const OUTPUT_MAX = 65_536

export type RunNft = (args: readonly string[], script: string) => Promise<string>

/**
 * @returns what it printed
 * @throws with its own words, or what to do about it
 */
export function runNft(args: readonly string[], script: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const child = spawn('nft', args, {
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL',
  })
  let output = ''
  let complaint = ''
  child.stdout.on('data', (bytes: Buffer) => {
    if (output.length < OUTPUT_MAX) output += bytes.toString('latin1')
  })
  child.stderr.on('data', (bytes: Buffer) => {
    if (complaint.length < OUTPUT_MAX) complaint += bytes.toString('latin1')
  })
  // It has gone before it read all: how it ended says why.
  child.stdin.on('error', () => {})
  child.on('error', (error: NodeJS.ErrnoException) => {
    const message =
      error.code === 'ENOENT'
        ? 'nft is not installed; apt install nftables'
        : `nft cannot be started: ${error.message}`
    reject(new Error(message, { cause: error }))
  })
  child.on('close', (code, signal) => {
    if (code === 0) resolve(output)
    else reject(new Error(explain(complaint, signal)))
  })
  child.stdin.end(script)
  return promise
}

function explain(complaint: string, signal: string | null): string {
  // The line it complains of follows, however long.
  const first = complaint.split('\n', 1)[0]!.slice(0, 200)
  if (first.includes('Operation not permitted')) {
    return `nft may not change rules (${first}); give the helper CAP_NET_ADMIN`
  }
  return signal === null ? `nft: ${first}` : `nft was ended by ${signal}`
}
