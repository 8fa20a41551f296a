import { test } from 'tap'
import { agreedGroup, readGroups } from '../../src/codec/key-exchange.ts'

const bytesOf = (...values: number[]): Uint8Array => Uint8Array.from(values)

test('the most preferred group with a share wins, else the most preferred that is known', async t => {
  const known = readGroups(bytesOf(0x00, 0x17, 0x00, 0x1d, 0x11, 0xec), 0, 6, false)
  const share = readGroups(bytesOf(0x00, 0x17, 0, 1, 9), 0, 5, true)
  t.equal(agreedGroup(known, share), 'P-256')
  t.equal(agreedGroup(known, 0), 'X25519MLKEM768')
  t.equal(agreedGroup(0, 0), '')
})

test('groups nobody here knows are passed over', async t => {
  t.equal(readGroups(bytesOf(0x0a, 0x0a, 0x00, 0x19), 0, 4, false), 0)
})

test('lengths that do not agree', async t => {
  t.equal(readGroups(bytesOf(0x00, 0x17, 0x00), 0, 3, false), -1)
  t.equal(readGroups(bytesOf(0x00, 0x1d, 0x00, 0x20, 1), 0, 5, true), -1)
  t.equal(readGroups(bytesOf(0x00, 0x1d, 0x00), 0, 3, true), -1)
  t.equal(readGroups(bytesOf(), -1, 0, false), -1)
})
