/** `weir why`: which guard refused a request, or how an address stands. */
import type { Argv } from 'yargs'
import { type Asked, askAndSay, inWords, type Output, shown, SOCKET } from './cli-ask.ts'
import type { ToldState } from './control/address-state.ts'
import type { ToldBucket } from './control/told-budget.ts'
import type { ToldWider } from './control/wider-state.ts'
import type { ToldAddress, ToldFlag, ToldRefusal } from './control/why.ts'
import { ADDRESS_WORDS, parseAddress } from './core/address.ts'

const WHAT = {
  what: {
    type: 'string',
    demandOption: true,
    describe: 'Id of a request, as the answer said it, or address of a client',
  },
} as const

interface WhyArgs extends Asked {
  readonly what: string
}

export function whyOptions(command: Argv): Argv<WhyArgs> {
  return command.positional('what', WHAT.what).options(SOCKET)
}

/** @returns the exit code */
export function why(args: WhyArgs, output: Output): Promise<number> {
  const { what } = args
  const isAddress = parseAddress(what, new Int32Array(ADDRESS_WORDS))
  const path = `/why?${isAddress ? 'address' : 'id'}=${encodeURIComponent(what.toWellFormed())}`
  if (isAddress) {
    return askAndSay(args, output, 'why', path, told => sayAddress(told as ToldAddress, output))
  }
  return askAndSay(args, output, 'why', path, told => {
    const { refusals } = told as { readonly refusals: readonly ToldRefusal[] }
    for (const [i, refusal] of refusals.entries()) {
      if (i > 0) output.print('')
      sayRefusal(refusal, output)
    }
  })
}

/** A name and what there is to say of it. */
function line(output: Output, name: string, text: string): void {
  output.print(`${name.padEnd(12)}${shown(text)}`)
}

function sayRefusal(told: ToldRefusal, output: Output): void {
  line(output, 'reason', `${told.reason} (${told.kind}): ${told.means}`)
  line(output, 'when', `${told.at}, ${inWords(told.age_s)} ago`)
  line(output, 'client', [told.address, ...Object.entries(told.client).map(pair)].join(' '))
  line(output, 'key', `${told.key.kind} ${told.key.value}`.trimEnd())
  line(output, 'where', `listener ${told.listener}${told.route ? `, route ${told.route}` : ''}`)
  if (told.request !== undefined) line(output, 'request', told.request)
  if (told.status !== undefined) {
    const retry = told.retry_after_s === undefined ? '' : `, Retry-After: ${told.retry_after_s}`
    line(output, 'answer', `${told.status}${retry}`)
  }
  if (told.state !== undefined) sayState(told.state, 'then', output)
  if (told.shared_now !== undefined) sayWider(told.shared_now, output)
  sayFlags(told.flags, output)
}

function sayAddress(told: ToldAddress, output: Output): void {
  line(output, 'address', `${told.address}, counted as ${told.counted_as}`)
  const facts = [
    told.is_known ? 'known' : 'not known: never seen, or forgotten with full budgets',
    ...(told.is_denied ? ['denied by --allow or --deny'] : []),
    ...(told.is_exempt ? ['never banned'] : []),
    ...(told.has_good_record ? ['of good record'] : []),
  ]
  line(output, 'standing', facts.join(', '))
  sayState(told.now, 'now', output)
  sayWider(told.shared_now, output)
  if (told.ban !== undefined) {
    const { cidr, origin, cause, count, until } = told.ban
    line(output, 'ban', `${cidr} until ${until}, by ${origin}: ${cause || '-'}; ${count} in a row`)
  }
  sayFlags(told.flags, output)
  const shownOf = told.refusals.length > 0 ? `; the last ${told.refusals.length}:` : ''
  line(output, 'refused', `${told.refused_lately} times within a minute${shownOf}`)
  const scores = told.refusals.flatMap(({ state }) => state?.score ?? [])
  if (scores.length > 0) line(output, 'scores', `${scores.join(', ')} then, the newest first`)
  for (const each of told.refusals) {
    const parts = [each.at, each.reason, each.status === undefined ? '' : String(each.status)]
    line(
      output,
      '',
      [...parts, each.route ?? each.listener, each.request ?? ''].filter(Boolean).join(' '),
    )
  }
}

function sayState(state: ToldState, when: string, output: Output): void {
  line(
    output,
    when,
    `${of(state.connections, state.connections_max)} connections, ${of(state.requests, state.requests_max)} requests at once`,
  )
  for (const bucket of state.buckets) line(output, '', ofBucket(bucket))
  const ban = state.banned_for_s === 0 ? '' : `, banned for ${inWords(state.banned_for_s)}`
  line(output, '', `score ${of(state.score, state.score_max)}${ban}`)
}

/** What is shared with others stands as it does now, whenever the refusal was. */
function sayWider({ network, routes = [], host = [] }: ToldWider, output: Output): void {
  if (network !== undefined) {
    const { cidr, connections, connections_max, requests, requests_max } = network
    const held = `${of(connections, connections_max)} connections, ${of(requests, requests_max)} requests at once`
    line(output, 'network', `${cidr} now: ${held}`)
    for (const bucket of network.buckets) line(output, '', ofBucket(bucket))
  }
  for (const { route, buckets } of routes) {
    for (const [i, bucket] of buckets.entries()) {
      line(output, i === 0 ? 'route' : '', `${route} now: ${ofBucket(bucket)}`)
    }
  }
  for (const bucket of host) {
    line(output, 'host', `now: ${ofBucket(bucket)}, ${bucket.left_for_strangers} for strangers`)
  }
}

function ofBucket({ limit, left, burst, per_s, full_in_s }: ToldBucket): string {
  const full = full_in_s === 0 ? 'full' : `full in ${inWords(full_in_s)}`
  return `${limit}: ${left} of ${burst} left at ${per_s}/s, ${full}`
}

function of(count: number, max: number): string {
  return max === 0 ? `${count}` : `${count} of ${max}`
}

function sayFlags(flags: readonly ToldFlag[], output: Output): void {
  for (const [i, { flag, value }] of flags.entries()) {
    line(output, i === 0 ? 'flags' : '', `--${flag} ${value}`)
  }
}

function pair([name, value]: readonly [string, string]): string {
  return `${name}=${value}`
}
