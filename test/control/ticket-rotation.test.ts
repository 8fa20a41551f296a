import { test } from 'tap'
import type { TicketSecrets } from '../../src/config/messages.ts'
import { TicketRotation } from '../../src/control/ticket-rotation.ts'
import { until } from '../support/until.ts'

test('there is a secret from the start, and a rotation hands out the new and the old', async t => {
  const handed: TicketSecrets[] = []
  const rotation = new TicketRotation(3_600_000, secrets => handed.push(secrets))
  const [first] = rotation.secrets
  t.equal(rotation.secrets.length, 1)
  rotation.rotate()
  t.equal(handed.length, 1)
  t.equal(handed[0]![1], first)
  t.equal(rotation.secrets, handed[0])
})

test('it rotates by itself until it is stopped', async t => {
  let rotations = 0
  const rotation = new TicketRotation(10, () => rotations++)
  rotation.start()
  await until(() => rotations >= 3, 'three rotations')
  rotation.stop()
  const before = rotations
  const other = new TicketRotation(10, () => {})
  other.start()
  await until(() => other.secrets.length === 2, 'another one rotates')
  other.stop()
  t.equal(rotations, before)
})
