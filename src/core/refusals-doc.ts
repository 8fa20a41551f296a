/** docs/refusals.md, read off the tables of refusals, actions and faults. */
import { actionsOf } from './actions.ts'
import { faults } from './faults.ts'
import { guardNames } from './governed.ts'
import { refusals } from './refusals.ts'

/** The page, as Markdown. */
export function refusalsPage(): string {
  return `${[
    '# Refusals and faults',
    '',
    'Made by `npm run docs` from `src/core/refusals.ts` and `src/core/faults.ts`. What weir does not serve',
    'has one reason, the same in metrics, in the log (`"reason"`), in the answer that a client of HTTP gets,',
    'and here.',
    '',
    '## Refusals',
    '',
    'The client may not, or not now. Counted in `weir_refusals_total{reason=…}`.',
    '',
    ...table(refusals.slice(1)),
    '',
    '## Actions',
    '',
    'What a limit or a list decides can be done in another way than usual, `--action REASON=ACTION`: `reject` is the',
    'answer or alert of the protocol, `reset` an RST, `close` a FIN without a word, `tarpit` silence for `--tarpit-time`, `delay` to hold a request until its tokens are due.',
    'What is done without the flag stands first. Counted in `weir_actions_total{reason=…,action=…}`.',
    '',
    '| reason | actions |',
    '| --- | --- |',
    ...guardNames.map(guard => `| \`${guard}\` | ${actionsOf(guard).join(', ')} |`),
    '',
    '## Faults',
    '',
    'A request was let in and did not get a whole response. Counted in `weir_request_faults_total{fault=…}`.',
    'Where the client had got nothing of a response yet it gets 502, 503 or 504; where it had, its',
    'connection is cut, because nothing else tells it that this is not all.',
    '',
    ...table(faults),
  ].join('\n')}\n`
}

function table(rows: readonly (readonly [name: string, cause: string])[]): string[] {
  return [
    '| reason | what happened |',
    '| --- | --- |',
    ...rows.map(([name, cause]) => `| \`${name}\` | ${cause} |`),
  ]
}
