/** docs/flags.md, read off the flag table. */
import type { Flag } from './flag.ts'
import { environmentName, flagNames, flags, isRepeatable } from './flags.ts'
import { formatDuration } from './values.ts'

/** The page, as Markdown. */
export function flagsPage(): string {
  const groups = [...new Set(flagNames.map(name => flags[name].group))]
  return `${[
    '# Flags',
    'Made by `npm run docs` from `src/config/flags.ts`. Every flag is also a key of the `--config` file',
    'and an environment variable; flags win over environment over file over default. In the file,',
    'settings marked *pool* may stand in a pool, those marked *listener* in a listener and those marked',
    '*route* in a route, where they win over the same key at the top.',
    '',
    'Times are written `500ms`, `5s`, `2m`, `1h`; a bare number is seconds. Counts take `20k` and `1M`.',
    'Repeatable settings are lists in the file and split at commas and blanks in the environment.',
    ...groups.flatMap(section),
  ].join('\n')}\n`
}

function section(group: string): string[] {
  const names = flagNames.filter(name => flags[name].group === group)
  return [
    '',
    `## ${group}`,
    '',
    '| flag | value | default | range | in the file | environment | what it does |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...names.map(name => {
      const flag: Flag = flags[name]
      const cells = [
        `\`--${name}\`${isRepeatable(flag) ? ' …' : ''}`,
        flag.choices?.join(', ') ?? flag.value,
        flag.default === undefined || flag.default === '' ? '' : `\`${flag.default}\``,
        range(flag),
        flag.scope === 'process' ? '' : flag.scope,
        `\`${environmentName(name)}\``,
        flag.help,
      ]
      return `| ${cells.join(' | ')} |`
    }),
  ]
}

function range({ kind, min, max, zero }: Flag): string {
  if (min === undefined || max === undefined) return ''
  const show = kind === 'duration' ? formatDuration : String
  return `${show(min)} to ${show(max)}${zero === true ? ', 0 is no limit' : ''}`
}
