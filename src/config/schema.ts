/**
 * The shape of the config file: every flag by its name, plus `listeners`, `routes` and `pools`.
 *
 * The schema says which keys there may be and whether they hold one value or a list; what the values
 * mean is read by values.ts, the same way as for flags, so that both accept the same spellings.
 */
import { z } from 'zod'
import type { Flag, Scope } from './flag.ts'
import { flags, isRepeatable } from './flags.ts'

const one = z.union([z.string(), z.number(), z.boolean()])
const name = z.string().min(1).max(64)

const fieldEdits = z.strictObject({
  set: z
    .record(z.string(), z.string())
    .optional()
    .describe('Name to value, in place of all of that name'),
  add: z
    .record(z.string(), z.union([z.string(), z.array(z.string())]))
    .optional()
    .describe('Name to value or values, next to others of that name'),
  remove: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe('Names'),
})

const scopes = z.union([z.string(), z.array(z.string())])
const claims = z
  .record(
    z.string().min(1),
    z.union([one, z.array(one).min(1), z.strictObject({ prefix: z.string() })]),
  )
  .describe('Claim to what it must be: a text, one of a list, or a prefix')

/** What a method may say of its own, in place of its route. */
const access = z.strictObject({
  auth: z.string().optional().describe('As of the route'),
  'require-scope': scopes.optional().describe('As of the route'),
  'require-claims': claims.optional(),
})

/** What routes, listeners and pools may say besides the flags of their scope. */
const route = z.strictObject({
  name: name.optional().describe('Unique, for metrics and log lines; host and path unless given'),
  host: z.string().optional().describe('Host, or *.suffix; any unless given'),
  path: z.string().optional().describe('Whole segments from the root on; / unless given'),
  exact: z.boolean().optional().describe('The path is all of the path'),
  pool: z.string().optional().describe('Pool; the only one unless given'),
  'strip-prefix': z.boolean().optional().describe('Leave the path out of what is forwarded'),
  'rewrite-host': z.string().optional().describe('Host field for the backend'),
  'request-headers': fieldEdits.optional().describe('Changes to what the backend gets'),
  'response-headers': fieldEdits.optional().describe('Changes to what the client gets'),
  'require-claims': claims.optional(),
  methods: z
    .record(z.string(), access)
    .optional()
    .describe('Method to what it asks of clients, in place of the route'),
  ...flagKeys('route'),
})

const listener = z.strictObject({
  listen: z.string().describe('tcp://ADDR:PORT, tls://…, sni://…, http://… or https://…'),
  name: name.optional().describe('Unique; the URL unless given'),
  pool: z
    .string()
    .optional()
    .describe('Pool of what no route covers; without routes the only pool unless given'),
  routes: z
    .union([z.record(z.string(), z.string()), z.array(route)])
    .optional()
    .describe(
      'http and https: routes; or names, or *.suffix, to pool: by Host, of sni and tls by SNI',
    ),
  ...flagKeys('listener'),
})

const pool = z.strictObject({
  backends: z.union([z.string(), z.array(z.string()).min(1)]).describe('Backend URLs'),
  ...flagKeys('pool'),
})

export const fileSchema = z.strictObject({
  ...flagKeys('process', 'listener', 'pool', 'route'),
  listeners: z.array(listener).optional().describe('Listeners with settings of their own'),
  routes: z.array(route).optional().describe('Routes of all http and https listeners'),
  pools: z.record(name, pool).optional().describe('Pools by name'),
})

export type ConfigFile = z.infer<typeof fileSchema>
export type RouteSection = z.infer<typeof route>
export type AccessSection = z.infer<typeof access>
export type FieldEditsSection = z.infer<typeof fieldEdits>
/** Keys of the sections, for messages that name the nearest. */
export const sectionKeys = {
  file: Object.keys(fileSchema.shape),
  listener: Object.keys(listener.shape),
  pool: Object.keys(pool.shape),
  route: Object.keys(route.shape),
  fieldEdits: Object.keys(fieldEdits.shape),
  access: Object.keys(access.shape),
}

/** For editors and for checks before a deploy. */
export function jsonSchema(): object {
  return { ...z.toJSONSchema(fileSchema), title: 'weir configuration file' }
}

function flagKeys(...scopes: Scope[]): Record<string, z.ZodType> {
  const keys: Record<string, z.ZodType> = {}
  for (const [name, flag] of Object.entries(flags) as [string, Flag][]) {
    if (name === 'config' || !scopes.includes(flag.scope)) continue
    const type = isRepeatable(flag) ? z.union([one, z.array(one)]) : one
    const bounds = flag.default === undefined ? '' : `; default ${flag.default || 'empty'}`
    keys[name] = type.optional().describe(flag.help + bounds)
  }
  return keys
}
