/**
 * Makes the development certificate the demo uses, or keeps a good one:
 * `node certs/generate.ts [--out FOLDER] [--name NAME]… [--key-type ec|rsa]`.
 */
import { parseArgs } from 'node:util'
import { authorityCommand } from '../src/certificate/command.ts'
import { keyTypes } from '../src/certificate/key-pair.ts'

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: new URL('dev', import.meta.url).pathname },
    name: { type: 'string', multiple: true, default: [] },
    'key-type': { type: 'string', default: 'ec' },
  },
})
const keyType = keyTypes.find(each => each === values['key-type'])
const print = (line: string) => void process.stdout.write(`${line}\n`)
if (keyType === undefined) {
  print(`--key-type: '${values['key-type']}' is none of ${keyTypes.join(', ')}`)
  process.exitCode = 2
} else {
  process.exitCode = authorityCommand({ out: values.out, names: values.name, keyType }, print)
}
