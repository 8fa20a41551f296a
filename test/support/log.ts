/** A logger whose lines a test can read. */
import { type Logger, pino } from 'pino'
import type { LogLine } from './weir.ts'

export function captureLog(): { readonly logger: Logger; readonly lines: LogLine[] } {
  const lines: LogLine[] = []
  const write = (line: string): void => void lines.push(JSON.parse(line) as LogLine)
  return { logger: pino({ level: 'debug', base: null }, { write }), lines }
}
