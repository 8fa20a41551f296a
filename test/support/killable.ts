/**
 * Runs weir from the config its flags make, and does to a worker what comes in on stdin: `0` kills worker 0,
 * `hang 0` has its loop never turn again, `hold 0 FILE` not until there is that file.
 */
import { Session } from 'node:inspector/promises'
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
  const [verb, worker, file] = line.split(' ')
  if (verb === 'hang') void hang(`weir worker ${worker}`, 'for (;;);')
  else if (verb === 'hold') void hang(`weir worker ${worker}`, untilThereIs(file!))
  else void weir.supervisor.kill(Number(line))
})

/** As a regular expression that backtracks for ever would, by the debugger's hand. */
async function hang(name: string, expression: string): Promise<void> {
  const session = new Session()
  session.connect()
  let done = false
  session.on('NodeWorker.attachedToWorker', ({ params: { sessionId, workerInfo } }) => {
    if (done || !workerInfo.title.includes(name)) return
    done = true
    const message = { id: 1, method: 'Runtime.evaluate', params: { expression } }
    void session.post('NodeWorker.sendMessageToWorker', {
      sessionId,
      message: JSON.stringify(message),
    })
    process.stdout.write(`{"msg":"${name} hangs"}\n`)
  })
  await session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
}

/** For a while at least: a worker that is stuck for long is taken for hung. */
function untilThereIs(file: string): string {
  return `while (!process.getBuiltinModule('node:fs').existsSync(${JSON.stringify(file)}));`
}

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => void weir.drain(signal).then(() => process.exit(0)))
}
