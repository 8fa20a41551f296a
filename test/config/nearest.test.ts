import { test } from 'tap'
import { didYouMean, nearest } from '../../src/config/nearest.ts'

test('the nearest name within a few edits', async t => {
  const known = ['connection-rate', 'connection-burst', 'connections-max', 'cert']
  t.equal(nearest('conection-rate', known), 'connection-rate')
  t.equal(nearest('connections-mx', known), 'connections-max')
  t.equal(nearest('crt', known), 'cert')
  t.equal(nearest('tsl', ['tcp', 'tls']), 'tls', 'two that changed places')
  t.equal(nearest('zebra', known), null)
  t.equal(nearest('x', []), null)
})

test('a question, or nothing', async t => {
  t.equal(didYouMean('crt', ['cert']), '; did you mean cert?')
  t.equal(didYouMean('zebra', ['cert']), '')
})
