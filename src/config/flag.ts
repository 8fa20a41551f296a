/** What a flag is. The flags themselves are listed in `flags.ts`. */

/** How a value is written and what it becomes; read by values.ts. */
export type Kind =
  | 'duration' // 500ms, 5s, 2m, 1h; a bare number is seconds. Becomes milliseconds
  | 'count' // a whole number; 20k is 20 000
  | 'rate' // a number per second; decimals allowed
  | 'percent'
  | 'boolean'
  | 'choice'
  | 'text'
  | 'texts'
  | 'paths'
  | 'cidrs'
  | 'fingerprints' // JA4, or its beginning and *
  | 'guards' // reasons of refusals that a limit or a list decides, or all
  | 'actions' // REASON=ACTION, of a reason that a limit or a list decides, or all
  | 'urls'
  | 'endpoint' // HOST:PORT, or off
  | 'statuses' // 200, or 200-399

/** Whose setting it is: those of a pool, a listener or a route can be told for each in the file. */
export type Scope = 'process' | 'pool' | 'listener' | 'route'

export interface Flag {
  readonly kind: Kind
  readonly group: string
  readonly scope: Scope
  /** One sentence, no full stop, what it does. */
  readonly help: string
  /** As an operator would write it; absent where there is none. */
  readonly default?: string
  /** What stands for the value in help: a unit or a form. */
  readonly value: string
  /** Bounds: milliseconds for durations, the number itself for the others. */
  readonly min?: number
  readonly max?: number
  /** 0 is allowed next to `min` and turns the limit off. */
  readonly zero?: boolean
  readonly choices?: readonly string[]
}

/** What each kind becomes. */
export interface KindValues {
  readonly duration: number
  readonly count: number
  readonly rate: number
  readonly percent: number
  readonly boolean: boolean
  readonly choice: string
  readonly text: string
  readonly texts: readonly string[]
  readonly paths: readonly string[]
  readonly cidrs: readonly string[]
  readonly fingerprints: readonly string[]
  readonly guards: readonly string[]
  readonly actions: readonly string[]
  readonly urls: readonly string[]
  readonly endpoint: { readonly host: string; readonly port: number } | null
  readonly statuses: { readonly min: number; readonly max: number }
}

/** Something the operator must mend. */
export interface Problem {
  /** Where it was written: `--workers`, `WEIR_WORKERS`, `weir.yaml:3:10 workers`. */
  readonly where: string
  /** What is wrong with which value, what is allowed, and what to do. */
  readonly message: string
  /** Something is not there: no news where part of the file could not be read. */
  readonly absent?: true
}
