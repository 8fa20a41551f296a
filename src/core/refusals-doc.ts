/** docs/refusals.md, read off the tables of refusals, actions and faults. */
import { actionsOf } from './actions.ts'
import { faults } from './faults.ts'
import { guardNames, whyNotTried } from './governed.ts'
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
    '## Shadow',
    '',
    'Each reason that has actions above can be tried first, `--shadow REASON`, and all of them with `--shadow all`: it is counted in',
    '`weir_shadow_refusals_total{reason=…}` in place of `weir_refusals_total`, the log says `"msg":"shadow"` of the same listener, client',
    'and reason, and the client is served as if there were no such limit. No other reason can:',
    '',
    '| reason | why not |',
    '| --- | --- |',
    ...notTried().map(([name, why]) => `| ${name} | ${why} |`),
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

/** Those of one cause in a row. */
function notTried(): readonly (readonly [names: string, why: string])[] {
  const names = new Map<string, string[]>()
  for (const [name] of refusals.slice(1)) {
    const why = whyNotTried(name)
    if (why === null) continue
    const alike = names.get(why)
    if (alike === undefined) names.set(why, [name])
    else alike.push(name)
  }
  return [...names].map(([why, alike]) => [alike.map(name => `\`${name}\``).join(', '), why])
}
