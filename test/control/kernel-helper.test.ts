import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { findHelper, hasCapability } from '../../src/control/kernel-helper.ts'

test('capabilities are read as the kernel tells them', async t => {
  const status = (bits: string): string => `Name:\tnode\nCapPrm:\t${bits}\nCapEff:\t${bits}\n`
  t.ok(hasCapability(status('0000000000001000'), 12n))
  t.ok(hasCapability(status('000001ffffffffff'), 12n))
  t.notOk(hasCapability(status('0000000000000400'), 12n))
  t.notOk(hasCapability('', 12n))
})

test('the service is preferred, and the end waits until it has closed', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-service-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'socket')
  const events: string[] = []
  const server = createServer({ allowHalfOpen: true }, socket => {
    socket.resume()
    socket.on('end', () => {
      events.push('cleaned up')
      socket.end()
    })
  })
  server.listen(path)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const helper = await findHelper(path, 'w')
  if (typeof helper === 'string') throw new Error(helper)
  await helper.end()
  t.strictSame(events, ['cleaned up'])
})
