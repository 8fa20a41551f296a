/** Writes the pages that are read off the code: `npm run docs`. A test fails where one is stale. */
import { writeFileSync } from 'node:fs'
import { flagsPage } from '../src/config/flags-doc.ts'
import { jsonSchema } from '../src/config/schema.ts'
import { refusalsPage } from '../src/core/refusals-doc.ts'

const write = (name: string, text: string): void =>
  writeFileSync(new URL(name, import.meta.url), text)

write('flags.md', flagsPage())
write('refusals.md', refusalsPage())
write('weir.schema.json', `${JSON.stringify(jsonSchema(), null, 2)}\n`)
