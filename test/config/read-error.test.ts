import { test } from 'tap'
import { explainRead } from '../../src/config/read-error.ts'

test('the usual causes are said in words, others as the system says them', async t => {
  const error = (code: string) => Object.assign(new Error(`${code}: odd`), { code })
  t.equal(explainRead(error('ENOENT')), 'does not exist')
  t.equal(explainRead(error('EACCES')), 'may not be read by this user')
  t.equal(explainRead(error('EISDIR')), 'cannot be read: EISDIR: odd')
})
