import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { StillFiles } from '../../src/control/still-files.ts'

function twoFiles(t: Test) {
  const directory = t.testdir({ a: 'one', b: 'two' })
  const [a, b] = [join(directory, 'a'), join(directory, 'b')]
  return { a, b, directory, files: new StillFiles([a, b]) }
}

test('a change counts with the second look that finds it, and until it was taken', async t => {
  const { a, files } = twoFiles(t)
  t.equal(files.haveChanged(), false)
  t.equal(files.haveChanged(), false, 'what was there at first was read')
  writeFileSync(a, 'three')
  t.equal(files.haveChanged(), false, 'it may be in the middle of it')
  t.equal(files.haveChanged(), true)
  t.equal(files.haveChanged(), true, 'nobody took it')
  t.equal(files.take(), true)
  t.equal(files.haveChanged(), false)
})

test('while any file moves nothing counts', async t => {
  const { a, b, files } = twoFiles(t)
  for (let i = 0; i < 5; i++) {
    writeFileSync(i % 2 === 0 ? a : b, 'x'.repeat(i + 10))
    t.equal(files.haveChanged(), false, `write ${i}`)
  }
  t.equal(files.haveChanged(), true)
})

test('what moves while it is read is not taken', async t => {
  const { a, files } = twoFiles(t)
  writeFileSync(a, 'three')
  files.haveChanged()
  t.equal(files.haveChanged(), true)
  writeFileSync(a, 'thirteen')
  t.equal(files.take(), false)
  t.equal(files.haveChanged(), true, 'it lay still since')
  t.equal(files.take(), true)
})

test('files that come, go or are swapped by a link are changes', async t => {
  const { a, b, directory, files } = twoFiles(t)
  const changes = (): boolean => {
    files.haveChanged()
    return files.haveChanged() && files.take()
  }
  rmSync(b)
  t.equal(changes(), true, 'gone')
  t.equal(changes(), false)
  writeFileSync(b, 'two')
  t.equal(changes(), true, 'back')
  mkdirSync(join(directory, 'next'))
  writeFileSync(join(directory, 'next', 'a'), 'one')
  symlinkSync(join('next', 'a'), join(directory, 'link'))
  renameSync(join(directory, 'link'), a)
  t.equal(changes(), true, 'a link in its place')
})

test('files that were read before it was made are told of once', async t => {
  const { a } = twoFiles(t)
  const files = new StillFiles([a], false)
  t.equal(files.haveChanged(), true)
  t.equal(files.take(), true)
  t.equal(files.haveChanged(), false)
})
