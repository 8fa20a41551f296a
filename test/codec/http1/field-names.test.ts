import { test } from 'tap'
import * as names from '../../../src/codec/http1/field-names.ts'

function number(name: string): number {
  const bytes = Buffer.from(`x${name}:`)
  return names.fieldNumber(bytes, 1, 1 + name.length)
}

test('every constant is the number of its name, in any case', async t => {
  let constants = 0
  for (const [constant, wanted] of Object.entries(names)) {
    if (typeof wanted !== 'number' || ['OTHER', 'FIELD_NUMBERS'].includes(constant)) continue
    constants++
    if (constant.endsWith('_OTHER')) continue
    const name = constant.toLowerCase().replaceAll('_', '-')
    t.equal(number(name), wanted, name)
    t.equal(number(name.toUpperCase()), wanted, name.toUpperCase())
  }
  t.equal(constants, names.FIELD_NUMBERS - 1)
})

test('names that nearly are one are none', async t => {
  for (const name of ['hos', 'hosts', 'h', 'content_length', 'x', '__proto__', 'constructor']) {
    t.equal(number(name), names.OTHER, name)
  }
})

test('names that begin as ours do have a number in common, whatever follows', async t => {
  for (const name of ['x-forwarded-', 'X-Forwarded-Port', 'x-forwarded-for-', 'x-forwarded-fo']) {
    t.equal(number(name), names.X_FORWARDED_OTHER, name)
    t.equal(names.numberOfField(name), names.X_FORWARDED_OTHER, name)
    t.equal(names.mayBeNamedAway(name.toLowerCase()), false)
  }
  for (const name of ['x-weir-', 'X-Weir-Subjects', 'x-weir-a']) {
    t.equal(number(name), names.X_WEIR_OTHER, name)
    t.equal(names.isIdentity(number(name)), true)
    t.equal(names.mayBeNamedAway(name.toLowerCase()), false)
  }
  for (const name of ['x-forwarded', 'x_forwarded_for', 'x-weir', 'x-weird', 'ax-weir-', 'x']) {
    t.equal(number(name), names.OTHER, name)
    t.equal(names.mayBeNamedAway(name), true)
  }
})

test('framing and hop fields stay, the others go on', async t => {
  t.equal(names.isHopByHop(names.TRANSFER_ENCODING), true)
  t.equal(names.isHopByHop(names.HTTP2_SETTINGS), true)
  t.equal(names.isHopByHop(names.OTHER), false)
  t.equal(names.isHopByHop(names.HOST), false)
})

test('a text has the number of its name too', async t => {
  t.equal(names.numberOfField('Strict-Transport-Security'), names.STRICT_TRANSPORT_SECURITY)
  t.equal(names.numberOfField('content-length'), names.CONTENT_LENGTH)
  for (const name of ['', 'Hosts', 'x-host']) t.equal(names.numberOfField(name), names.OTHER, name)
})
