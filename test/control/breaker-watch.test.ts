import { test } from 'tap'
import type { Config } from '../../src/config/config.ts'
import { BreakerWatch } from '../../src/control/breaker-watch.ts'
import { CLOSED, HALF_OPEN } from '../../src/shared/breaker-table.ts'
import { captureLog } from '../support/log.ts'
import { makeShared } from '../support/memory.ts'

const config = {
  pools: [
    { name: 'off', breaker: { errors: 0 }, backends: [{ name: 'a:1' }] },
    { name: 'on', breaker: { errors: 50 }, backends: [{ name: 'b:1' }, { name: 'c:1' }] },
  ],
} as unknown as Config

test('each change has a line, and an opening that was not seen is counted', async t => {
  const { breakers } = makeShared({ backends: 3 })
  const { logger, lines } = captureLog()
  const watch = new BreakerWatch(config, breakers, logger)
  const told = (): unknown[] => {
    watch.sweep()
    return lines.splice(0).map(({ msg, pool, backend, opens }) => [msg, pool, backend, opens])
  }
  t.strictSame(told(), [])
  breakers.open(0, CLOSED, 1)
  breakers.open(2, CLOSED, 1)
  t.strictSame(told(), [['circuit breaker opened', 'on', 'c:1', 1]])
  t.strictSame(told(), [], 'once')
  breakers.tryNow(2, 1, 2)
  t.strictSame(told(), [['circuit breaker is half-open', 'on', 'c:1', undefined]])
  breakers.open(2, HALF_OPEN, 3)
  breakers.tryNow(2, 3, 4)
  breakers.close(2)
  t.strictSame(told(), [
    ['circuit breaker opened', 'on', 'c:1', 2],
    ['circuit breaker is closed', 'on', 'c:1', undefined],
  ])
})
