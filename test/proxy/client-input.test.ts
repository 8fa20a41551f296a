import { test } from 'tap'
import { ClientInput } from '../../src/proxy/client-input.ts'

/** A read into a buffer that others use too. */
function read(input: ClientInput, text: string, lasting = false): Buffer {
  const buffer = Buffer.from(`${text}#####`)
  input.add(buffer, text.length, false, lasting)
  return buffer
}

test('what was not used of a read is kept when its buffer is read into again', async t => {
  const input = new ClientInput()
  const buffer = read(input, 'hello')
  t.equal(input.length, 5)
  t.equal(input.held, 0, 'the buffer is not its own')
  input.at += 2
  input.keepRest(false)
  buffer.fill('x')
  t.equal(input.rest().toString(), 'llo')
  t.equal(input.held, 3)
})

test('reads follow each other without a gap', async t => {
  const input = new ClientInput()
  read(input, 'abc')
  input.at = 1
  input.keepRest(false)
  read(input, 'def')
  t.equal(input.rest().toString(), 'bcdef')
  t.ok(input.lasting, 'together they are a copy')
  input.at = input.end
  input.keepRest(false)
  t.ok(input.isEmpty)
  t.equal(input.held, 0)
})

test('a lasting buffer is left where it stands while nothing is read, and no longer', async t => {
  const input = new ClientInput()
  const buffer = read(input, 'body', true)
  input.at = 1
  input.keepRest(true)
  t.equal(input.bytes, buffer)
  input.keepRest(false)
  buffer.fill('x')
  t.equal(input.rest().toString(), 'ody')
})

test('a buffer that others read into is copied even while nothing is read', async t => {
  const input = new ClientInput()
  const buffer = read(input, 'body', false)
  input.keepRest(true)
  buffer.fill('x')
  t.equal(input.rest().toString(), 'body')
})
