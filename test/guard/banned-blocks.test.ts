import { test } from 'tap'
import { seconds } from '../../src/core/clock.ts'
import { ADMITTED } from '../../src/core/refusals.ts'
import { BANNED } from '../../src/guard/banned.ts'
import { BannedBlocks } from '../../src/guard/banned-blocks.ts'
import { addressOf } from '../support/memory.ts'

test('a block holds until its end, for all but those that are exempt', async t => {
  const blocks = new BannedBlocks(words => words[3] === addressOf('10.0.0.5')[3])
  const check = (address: string) => blocks.check(addressOf(address))
  t.equal(check('10.0.0.1'), ADMITTED)
  blocks.load([
    { cidr: '10.0.0.0/24', until: seconds() + 60 },
    { cidr: '2001:db8::/48', until: seconds() + 60 },
    { cidr: '10.9.0.0/16', until: 0 },
  ])
  t.equal(check('10.0.0.1'), BANNED)
  t.equal(check('10.0.0.5'), ADMITTED)
  t.equal(check('10.0.1.1'), ADMITTED)
  t.equal(check('2001:db8:0:5::1'), BANNED)
  t.equal(check('10.9.1.1'), ADMITTED, 'one that is over')
  blocks.load([])
  t.equal(check('10.0.0.1'), ADMITTED)
})

test('a ban holds to its end, whatever shorter one lies within it or around it', async t => {
  const blocks = new BannedBlocks(() => false)
  const [near, far] = [seconds() + 10, seconds() + 60]
  for (const [wide, narrow] of [
    [far, near],
    [near, far],
  ] as const) {
    blocks.load([
      { cidr: '10.0.0.0/24', until: narrow },
      { cidr: '10.0.0.0/8', until: wide },
      { cidr: '10.0.0.0/16', until: near },
    ])
    t.ok(blocks.secondsLeft(addressOf('10.0.0.1')) > 50)
    t.equal(blocks.secondsLeft(addressOf('10.0.1.1')) > 50, wide === far)
  }
})
