/** One row of the bench: what is measured, and what is wanted. */
import type { BackendName } from './backends.ts'
import type { PortName } from './processes.ts'

export interface Scenario {
  readonly about: string
  /** What one operation is, in the table's words. */
  readonly unit: string
  readonly load: string
  /** What has to be installed; the scenario is left out where it is not. */
  readonly program?: string
  readonly port: PortName
  /** `echo` unless given. */
  readonly backend?: BackendName
  /** Further flags of weir. */
  readonly weir?: readonly string[]
  /** Operations of a round; seconds, if `timed`. */
  readonly count: number
  /** The load goes on for a time, as fast as it can. */
  readonly timed?: true
  readonly concurrency: number
  /**
   * Processor time per operation; bytes of memory per connection held; growth over a million connections,
   * which is weir's own and runs only when it is asked for by name.
   */
  readonly measure: Measure
  /** The ratio to HAProxy this project asks of itself. */
  readonly target?: number
  /** The ratios to others. */
  readonly targets?: Readonly<Record<string, number>>
  /** The figure itself that it may not exceed. */
  readonly limit?: number
}

export type Measure = 'cpu' | 'memory' | 'leak'

/** Only weir is measured: its own growth is the question, there is nothing to compare it with. */
export function isAlone({ measure }: Scenario): boolean {
  return measure === 'leak'
}
