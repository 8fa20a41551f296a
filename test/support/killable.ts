/** Runs weir from the config its flags make, and kills the worker whose number comes in on stdin. */
import { createInterface } from 'node:readline'
import { loadConfig } from '../../src/config/load.ts'
import { Weir } from '../../src/main.ts'

const flags: Record<string, string[]> = {}
for (let i = 2; i < process.argv.length; i += 2) {
  const name = process.argv[i]!.slice(2)
  flags[name] = [...(flags[name] ?? []), process.argv[i + 1]!]
}
const single = Object.entries(flags).map(([name, values]) => [
  name,
  ['listen', 'backend', 'cert', 'key'].includes(name) ? values : values[0],
])
const loaded = loadConfig({ flags: Object.fromEntries(single) as Record<string, unknown>, env: {} })
if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems))
const weir = new Weir(loaded.config)
const problems = await weir.start(loaded.warnings)
if (problems.length > 0) throw new Error(JSON.stringify(problems))
createInterface({ input: process.stdin }).on('line', line => {
  void weir.supervisor.kill(Number(line))
})
process.on('SIGTERM', () => {
  void weir.drain('SIGTERM').then(() => process.exit(0))
})
