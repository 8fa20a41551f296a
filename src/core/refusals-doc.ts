/** docs/refusals.md, read off the table of refusals. */
import { refusals } from './refusals.ts'

/** The page, as Markdown. */
export function refusalsPage(): string {
  return `${[
    '# Refusals',
    '',
    'Made by `npm run docs` from `src/core/refusals.ts`. A refusal has the same name in the metric',
    '`weir_refusals_total{reason=…}`, in the log (`"reason"`) and here.',
    '',
    '| reason | what happened |',
    '| --- | --- |',
    ...refusals.slice(1).map(([name, cause]) => `| \`${name}\` | ${cause} |`),
  ].join('\n')}\n`
}
