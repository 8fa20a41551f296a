/** `/bans` of the admin socket: list, make and lift bans. */
import * as z from 'zod'
import { type Cidr, parseCidr } from '../core/cidr-set.ts'
import { seconds } from '../core/clock.ts'
import type { Ban, Bans } from './bans.ts'
import { type Endpoint, EndpointError } from './endpoint.ts'

const FOR_MAX_SECONDS = 366 * 86_400
const CAUSE_MAX = 200

const banSchema = z.strictObject({
  cidr: z.string(),
  for_s: z.int().min(1).max(FOR_MAX_SECONDS),
  cause: z.string().max(CAUSE_MAX).default(''),
})

/** A ban as it is told. */
export interface ToldBan {
  readonly cidr: string
  readonly origin: string
  readonly cause: string
  readonly count: number
  readonly since: string
  readonly until: string
  readonly left_s: number
}

/** What was lifted, and the ban that holds on around it. */
export interface ToldLifted {
  readonly lifted: readonly ToldBan[]
  readonly around: ToldBan | null
}

export function banEndpoints(bans: Bans): readonly Endpoint[] {
  return [
    { method: 'GET', path: '/bans', handle: () => ({ bans: bans.list().map(tell) }) },
    {
      method: 'POST',
      path: '/bans',
      handle(_, body) {
        const asked = banSchema.safeParse(body)
        if (!asked.success) {
          const [issue] = asked.error.issues
          throw new EndpointError(400, `${issue!.path.join('.')}: ${issue!.message}`)
        }
        const { cidr, for_s: forSeconds, cause } = asked.data
        return { ban: tell(bans.add(blockOf(cidr), forSeconds, cause)) }
      },
    },
    {
      method: 'DELETE',
      path: '/bans',
      handle(query): ToldLifted {
        const block = blockOf(query.get('cidr') ?? '')
        const lifted = bans.remove(block).map(tell)
        // A wider one is not lifted for a part of it.
        const around = bans.covering(block.words)
        return { lifted, around: around === undefined ? null : tell(around) }
      },
    },
  ]
}

function blockOf(text: string): Cidr {
  const block = parseCidr(text)
  if (block === null) {
    throw new EndpointError(
      400,
      `"${text}" is no address and no block; write 192.0.2.1 or 2001:db8::/48`,
    )
  }
  return block
}

function tell({ cidr, origin, cause, count, since, until }: Ban): ToldBan {
  const now = seconds()
  const date = (at: number): string => new Date(Date.now() + (at - now) * 1000).toISOString()
  return { cidr, origin, cause, count, since: date(since), until: date(until), left_s: until - now }
}
