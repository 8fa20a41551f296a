import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { flagNames, flags } from '../../src/config/flags.ts'
import { jsonSchema } from '../../src/config/schema.ts'

interface Schema {
  readonly properties: Readonly<Record<string, { readonly description?: string }>>
  readonly additionalProperties: boolean
}

test('every flag but --config is a key, told what it is', async t => {
  const schema = jsonSchema() as Schema
  t.equal(schema.additionalProperties, false)
  for (const name of flagNames.filter(each => each !== 'config')) {
    t.match(schema.properties[name]?.description, flags[name].help.slice(0, 20), name)
  }
})

test('docs/weir.schema.json is what npm run docs makes', async t => {
  const page = readFileSync(new URL('../../docs/weir.schema.json', import.meta.url), 'utf8')
  t.strictSame(JSON.parse(page), JSON.parse(JSON.stringify(jsonSchema())))
})
