/**
 * The shape of the config file: every flag by its name, plus `listeners` and `pools`.
 *
 * The schema says which keys there may be and whether they hold one value or a list; what the values
 * mean is read by values.ts, the same way as for flags, so that both accept the same spellings.
 */
import { z } from 'zod'
import type { Flag, Scope } from './flag.ts'
import { flags, isRepeatable } from './flags.ts'

/** What listeners and pools may say besides the flags of their scope. */
const listener = z.strictObject({
  listen: z.string().describe('tcp://ADDR:PORT, tls://… or sni://…'),
  name: z.string().min(1).max(64).optional().describe('Unique; the URL unless given'),
  pool: z.string().optional().describe('Pool of names no route covers; the only pool unless given'),
  routes: z.record(z.string(), z.string()).optional().describe('Server name, or *.suffix, to pool'),
  ...flagKeys('listener'),
})

const pool = z.strictObject({
  backends: z.union([z.string(), z.array(z.string()).min(1)]).describe('Backend URLs'),
  ...flagKeys('pool'),
})

export const fileSchema = z.strictObject({
  ...flagKeys('process', 'listener', 'pool', 'route'),
  listeners: z.array(listener).optional().describe('Listeners with settings of their own'),
  pools: z.record(z.string().min(1).max(64), pool).optional().describe('Pools by name'),
})

export type ConfigFile = z.infer<typeof fileSchema>

/** For editors and for checks before a deploy. */
export function jsonSchema(): object {
  return { ...z.toJSONSchema(fileSchema), title: 'weir configuration file' }
}

function flagKeys(...scopes: Scope[]): Record<string, z.ZodType> {
  const keys: Record<string, z.ZodType> = {}
  for (const [name, flag] of Object.entries(flags) as [string, Flag][]) {
    if (name === 'config' || !scopes.includes(flag.scope)) continue
    const one = z.union([z.string(), z.number(), z.boolean()])
    const type = isRepeatable(flag) ? z.union([one, z.array(one)]) : one
    const bounds = flag.default === undefined ? '' : `; default ${flag.default || 'empty'}`
    keys[name] = type.optional().describe(flag.help + bounds)
  }
  return keys
}
