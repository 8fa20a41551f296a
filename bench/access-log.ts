/** The access log of a proxy, which is to have a line for each request: who leaves lines out does less work. */
import { readFileSync, truncateSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

const LINE_END = 10
/** Those that gather lines write them after a second at the latest. */
const WAIT_MS = 3000
const LOOK_MS = 50
/** A connection of the load that ends with its time leaves a request uncounted; that may go either way. */
const SHARE_MIN = 0.99

export class AccessLog {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /**
   * Waits for the lines of a round, and empties the file: nothing is to come that could be lost by that.
   *
   * @throws if lines are missing
   */
  async take(requests: number): Promise<void> {
    let lines = 0
    for (let waited = 0; waited < WAIT_MS; waited += LOOK_MS) {
      await pause(LOOK_MS)
      lines = countLines(readFileSync(this.path))
      if (lines >= requests) break
    }
    if (lines < requests * SHARE_MIN) {
      throw new Error(`${this.path} has ${lines} lines of ${requests} requests`)
    }
    truncateSync(this.path)
  }
}

function countLines(bytes: Buffer): number {
  let lines = 0
  for (let at = bytes.indexOf(LINE_END); at !== -1; at = bytes.indexOf(LINE_END, at + 1)) lines++
  return lines
}
