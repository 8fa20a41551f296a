/** Reads `--action`: REASON=ACTION, where REASON may be `all`. */
import { type ActionName, actions, actionsOf, type GuardAction } from '../core/actions.ts'
import { type GuardName, guardNames } from '../core/governed.ts'
import { refusals } from '../core/refusals.ts'
import type { Problem } from './flag.ts'
import { didYouMean } from './nearest.ts'
import type { Read } from './values.ts'

/** @returns the item itself, if it names a guard and what that guard can do */
export function readGuardAction(item: string): Read<string> {
  const text = JSON.stringify(item)
  const [reason = '', name = '', ...rest] = item.split('=')
  if (reason === '' || name === '' || rest.length > 0) {
    return {
      error: `${text} is no REASON=ACTION; write connection-rate=tarpit, or all=close`,
    }
  }
  const known: readonly string[] = ['all', ...guardNames]
  if (!known.includes(reason)) return { error: unknownReason(reason, known) }
  if (!isAction(name)) {
    return {
      error: `${text}: ${JSON.stringify(name)} is no action, but ${actions.join(', ')} are${didYouMean(name, actions)}`,
    }
  }
  if (reason === 'all') return { value: item }
  const possible = actionsOf(reason as GuardName)
  if (possible.includes(name)) return { value: item }
  return {
    error: `${text} is not possible where ${reason} is decided; possible are ${possible.join(', ')}`,
  }
}

/**
 * What each guard is to do. A guard that is named wins over `all`, which is about those that can do it.
 *
 * @param written items that {@link readGuardAction} took
 */
export function resolveActions(
  written: readonly string[],
  problems: Problem[],
): readonly GuardAction[] {
  const ofAll = new Map<GuardName, ActionName>()
  const named = new Map<GuardName, ActionName>()
  for (const item of written) {
    const [reason, name] = item.split('=') as [GuardName | 'all', ActionName]
    const chosen = reason === 'all' ? ofAll : named
    for (const guard of reason === 'all' ? guardNames : [reason]) {
      if (!actionsOf(guard).includes(name)) continue
      const before = chosen.get(guard)
      if (before !== undefined && before !== name) {
        problems.push({
          where: '--action',
          message: `${reason} is to do both ${before} and ${name}; leave out one`,
        })
        break
      }
      chosen.set(guard, name)
    }
  }
  return [...new Map([...ofAll, ...named])].map(([guard, name]) => ({ guard, action: name }))
}

function isAction(name: string): name is ActionName {
  return (actions as readonly string[]).includes(name)
}

function unknownReason(reason: string, known: readonly string[]): string {
  const text = JSON.stringify(reason)
  return refusals.some(([name]) => name === reason)
    ? `${text} has no actions: no limit and no list decides it, but what the client sent`
    : `${text} is no guard's reason${didYouMean(reason, known)}`
}
