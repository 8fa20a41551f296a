import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { flagsPage } from '../../src/config/flags-doc.ts'
import { jsonSchema } from '../../src/config/schema.ts'

test('docs/flags.md and docs/weir.schema.json are what the tables make', async t => {
  t.equal(readFileSync('docs/flags.md', 'utf8'), flagsPage(), 'run npm run docs')
  t.strictSame(
    JSON.parse(readFileSync('docs/weir.schema.json', 'utf8')),
    JSON.parse(JSON.stringify(jsonSchema())),
    'run npm run docs',
  )
})
