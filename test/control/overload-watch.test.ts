import { test } from 'tap'
import type { Config } from '../../src/config/config.ts'
import { OverloadWatch } from '../../src/control/overload-watch.ts'
import { CONNECTIONS, MEMORY } from '../../src/shared/overload-table.ts'
import { captureLog } from '../support/log.ts'
import { makeShared } from '../support/memory.ts'

const config = { guards: { connectionsMax: 1000 } } as unknown as Config

function watched() {
  const { overload } = makeShared({ workers: 1 })
  const { logger, lines } = captureLog()
  const watch = new OverloadWatch(config, overload, logger)
  const told = (): unknown[] => {
    watch.sweep()
    return lines.splice(0).map(line => [line['msg'], line['overload_level'], line['signal']])
  }
  return { overload, watch, told, lines }
}

test('each change of level has one line, with the signal, the figures and what to do', async t => {
  const { overload, watch, told, lines } = watched()
  t.strictSame(told(), [])
  overload.setShare(MEMORY, 0.87)
  overload.publish(0, [2, 0, 0, 0], 2, false)
  watch.sweep()
  t.match(lines, [
    {
      msg: 'overload: who has no good record is refused',
      overload_level: 2,
      signal: 'memory',
      from: 0,
      memory: '87%',
      connections: '0%',
      advice: /more memory/,
    },
  ])
  lines.splice(0)
  t.strictSame(told(), [], 'once')
  overload.publish(0, [4, 0, 0, 0], 4, true)
  t.strictSame(told(), [['overload: sessions are ended to make room', 4, 'memory']])
  overload.publish(0, [0, 0, 0, 0], 0, false)
  t.strictSame(told(), [['overload is over', 0, undefined]])
})

test('short of places the line does not say that all are refused', async t => {
  const { overload, told } = watched()
  overload.publish(0, [0, 0, 3, 0], 3, false)
  t.strictSame(told(), [['overload: who has no good record is refused', 3, 'connections']])
})

test('it is not ready while no worker takes connections, and says why', async t => {
  const { overload, watch } = watched()
  t.equal(watch.notReady, null)
  t.equal(watch.note, '')
  overload.setShare(CONNECTIONS, 0.93)
  overload.publish(0, [0, 0, 2, 0], 2, false)
  t.equal(watch.notReady, null)
  t.equal(watch.note, 'overload level 2: 93 % of its --connections-max in use')
  overload.setLoopMs(0, 1234)
  overload.publish(0, [0, 0, 2, 3], 3, true)
  t.equal(watch.notReady, 'overload, no new connections: the loop of a worker is 1234 ms late')
})
