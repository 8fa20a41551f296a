/** Makes the development certificate the demo and the benches use: `node certs/generate.ts [DIR]`. */
import { ensureDevelopmentCertificate } from '../src/certificate/development.ts'

const directory = process.argv[2] ?? new URL('dev', import.meta.url).pathname
const { cert, key, authority, made } = ensureDevelopmentCertificate(directory)
process.stdout.write(`${made ? 'made' : 'kept'} ${cert}, ${key}; trust ${authority}\n`)
