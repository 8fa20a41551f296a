/** Bodies that one side takes slowly; a gibibyte of it is in `npm run bench:trickle`. */
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { startTrickleBackend, trickle } from '../../bench/trickle.ts'
import { until } from '../support/until.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

const MIB = 1024 * 1024
const BYTES = 128 * MIB
/** A second: what the kernel takes off weir's hands at once is a small part of the body. */
const RATE = 32 * MIB
/** A part of the body: what code and metrics take that run for the first time is in it. */
const GROWTH_MAX = 40 * MIB
const HELD_MAX = 1.25 * MIB
const FLAGS = ['--listen', 'http://127.0.0.1:0', '--workers', '1', '--request-rate', '0']

for (const direction of ['download', 'upload'] as const) {
  test(`${direction}: a body that is taken slowly is not gathered in memory`, async t => {
    const backend = await startTrickleBackend(direction, BYTES, RATE)
    t.teardown(() => backend.close())
    const url = `http://127.0.0.1:${backend.port}`
    const flags = withoutLimits(...FLAGS, '--probe', 'none', '--backend', url)
    const weir = await startWeir(t, flags)
    await weir.metric('weir_session_held_bytes_max')
    const before = residentBytes(weir.child)
    let most = before
    let held = 0
    let isOver = false
    const body = trickle(weir.ports[0]!, direction, BYTES, RATE).finally(() => (isOver = true))
    const look = async (): Promise<boolean> => {
      most = Math.max(most, residentBytes(weir.child))
      held = Math.max(held, await weir.metric('weir_session_held_bytes_max'))
      return isOver
    }
    await until(look, 'the body has come through', 60_000, 500)
    await body
    t.ok(most - before < GROWTH_MAX, `${((most - before) / MIB).toFixed(1)} MiB more at most`)
    t.ok(held > 0 && held <= HELD_MAX, `${held} bytes held at most`)
    await weir.metricIs(
      direction === 'upload' ? 'weir_request_body_bytes_total' : 'weir_response_body_bytes_total',
      {},
      BYTES,
    )
  })
}

function residentBytes({ pid }: ChildProcess): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(match?.[1]) * 1024
}
