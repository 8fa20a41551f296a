import { closeSync, openSync } from 'node:fs'
import { test } from 'tap'
import {
  connectionsWithin,
  defaultConnectionsMax,
  descriptorLimit,
  descriptorsFor,
  openDescriptors,
} from '../../src/config/descriptors.ts'

test('as many connections fit as need no more descriptors than there are', async t => {
  for (const [limit, workers] of [
    [1024, 1],
    [65_536, 4],
    [1_048_576, 64],
  ] as const) {
    const connections = connectionsWithin(limit, workers)
    t.ok(descriptorsFor(connections, workers) <= limit)
    t.ok(descriptorsFor(connections + 1, workers) > limit)
  }
})

test('a limit that is too low for anything still gives one', async t => {
  t.equal(connectionsWithin(10, 64), 1)
})

test('the default is 20,000, or what the limit is good for', async t => {
  t.equal(defaultConnectionsMax(1_048_576, 4), 20_000)
  t.ok(defaultConnectionsMax(1024, 1) < 400)
})

test('this process has a limit', async t => {
  t.ok(descriptorLimit() >= 256)
})

test('descriptors that are open are counted, and those that are closed are not', async t => {
  const before = openDescriptors()
  const files = Array.from({ length: 50 }, () => openSync('/dev/null', 'r'))
  const open = openDescriptors()
  for (const file of files) closeSync(file)
  // Tests of other files, and their sockets, have processes of their own.
  t.ok(before > 0 && open >= before + 45, `${before}, ${open}`)
  t.ok(openDescriptors() <= open - 45)
})
