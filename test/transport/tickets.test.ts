import { test } from 'tap'
import { deriveTicketKey, rotateTicketSecrets } from '../../src/transport/tickets.ts'

test('a rotation makes a new secret and keeps the one before', async t => {
  const first = rotateTicketSecrets([])
  const second = rotateTicketSecrets(first)
  const third = rotateTicketSecrets(second)
  t.strictSame([first.length, second.length, third.length], [1, 2, 2])
  t.equal(second[1], first[0])
  t.equal(third[1], second[0], 'the oldest is forgotten')
  t.not(Buffer.compare(third[0]!, third[1]!), 0)
})

test('a key belongs to its secret and its label', async t => {
  const [a, b] = [...rotateTicketSecrets(rotateTicketSecrets([]))] as [Uint8Array, Uint8Array]
  const key = deriveTicketKey(a, 'x')
  t.strictSame(deriveTicketKey(a, 'x'), key, 'the same in every worker')
  t.notSame(deriveTicketKey(b, 'x'), key)
  t.notSame(deriveTicketKey(a, 'y'), key)
  t.equal(key.bytes.length, 48)
  t.equal(key.name, key.bytes.toString('hex', 0, 16))
})
