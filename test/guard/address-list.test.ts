import { test } from 'tap'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import { AddressList } from '../../src/guard/address-list.ts'
import { addressOf } from '../support/memory.ts'

const DENIED = refusal('denied')

test('with nothing listed everybody passes', async t => {
  const list = new AddressList([], [])
  for (const address of ['192.0.2.1', '2001:db8::1']) {
    t.equal(list.check(addressOf(address)), ADMITTED)
  }
})

test('with any --allow whoever is not covered is refused', async t => {
  const list = new AddressList(['192.0.2.0/24', '2001:db8::/32'], [])
  t.equal(list.check(addressOf('192.0.2.255')), ADMITTED)
  t.equal(list.check(addressOf('192.0.3.0')), DENIED)
  t.equal(list.check(addressOf('2001:db8:ffff::1')), ADMITTED)
  t.equal(list.check(addressOf('2001:db9::1')), DENIED)
})

test('the longest prefix wins, whichever list it is in, and deny wins a tie', async t => {
  const allow = ['10.0.0.0/8', '10.1.2.0/24', '10.9.0.0/16']
  const list = new AddressList(allow, ['10.1.0.0/16', '10.1.2.3', '10.9.0.0/16'])
  t.equal(list.check(addressOf('10.2.0.1')), ADMITTED)
  t.equal(list.check(addressOf('10.1.0.1')), DENIED)
  t.equal(list.check(addressOf('10.1.2.4')), ADMITTED)
  t.equal(list.check(addressOf('10.1.2.3')), DENIED)
  t.equal(list.check(addressOf('10.9.1.1')), DENIED)
})

test('an IPv4 block holds the address however the socket writes it', async t => {
  const list = new AddressList([], ['192.0.2.0/24'])
  t.equal(list.check(addressOf('::ffff:192.0.2.7')), DENIED)
  t.equal(list.check(addressOf('::192.0.2.7')), ADMITTED, 'that is another address')
})
