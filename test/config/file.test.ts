import assert from 'node:assert/strict'
import { test } from 'tap'
import { parseConfigFile, readConfigFile } from '../../src/config/file.ts'

/** Every problem as `place: message`. */
function problems(text: string): string[] {
  const read = parseConfigFile('f.yaml', text)
  return 'problems' in read ? read.problems.map(({ where, message }) => `${where}: ${message}`) : []
}

test('an empty file is one that says nothing', async t => {
  for (const text of ['', '# only a remark\n', '{}']) t.strictSame(problems(text), [])
})

test('unknown keys are told by place, with the nearest that there is', async t => {
  const text =
    'workrs: 2\nlisteners:\n  - listen: tcp://:1\n    rotes: {}\npools:\n  a:\n    backnds: []\n    backends: [tcp://a:1]\n'
  t.match(problems(text).toSorted(), [
    /f\.yaml:1:\d+ workrs: unknown key workrs; did you mean workers\?/,
    /f\.yaml:4:\d+ listeners\.0\.rotes: unknown key rotes; did you mean routes\?/,
    /f\.yaml:7:\d+ pools\.a\.backnds: unknown key backnds; did you mean backends\?/,
  ])
})

test('a key of the top in a section is told where it belongs', async t => {
  t.match(problems('listeners:\n  - { listen: tcp://:1, idle-timeout: 3s }'), [
    /listeners\.0\.idle-timeout: unknown key idle-timeout; it belongs to the top of the file/,
  ])
})

test('keys of routes and of their edits have places and neighbours too', async t => {
  const text = `
routes:
  - { pth: /a, request-headers: { st: {} } }
listeners:
  - listen: http://:1
    routes: [{ hots: a.test }]
  - listen: http://:2
    routes: { a.test: 1 }
`
  t.match(problems(text).toSorted(), [
    /f\.yaml:3:\d+ routes\.0\.pth: unknown key pth; did you mean path\?/,
    /f\.yaml:3:\d+ routes\.0\.request-headers\.st: unknown key st; did you mean set\?/,
    /f\.yaml:6:\d+ listeners\.0\.routes\.0\.hots: unknown key hots; did you mean host\?/,
    /f\.yaml:8:\d+ listeners\.1\.routes\.a\.test: .*expected string/,
  ])
  t.match(problems('routes: [{ response-headers: { set: { X: 1 } } }]'), [
    /f\.yaml:1:\d+ routes\.0\.response-headers\.set\.X: .*expected string/,
  ])
})

test('what is no YAML is told by line', async t => {
  t.match(problems('a: [1\nb: 2'), [/^f\.yaml:\d+:\d+: /])
  t.match(problems('workers: 1\nworkers: 2'), [/f\.yaml:2:1: .*unique/i])
  for (const text of ['- 1\n- 2', 'hello', '7']) {
    t.match(problems(text), [/^f\.yaml: holds no settings; write key: value/])
  }
})

test('a few lines do not become gigabytes', async t => {
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]']
  for (let i = 1; i < 9; i++)
    bomb.push(`a${i}: &a${i} [${`*a${i === 1 ? '' : i - 1},`.repeat(9)}x]`)
  t.match(problems(bomb.join('\n')), [/alias/i])
})

test('a value of the wrong shape is told by its key', async t => {
  t.match(problems('workers: {a: 1}'), [/f\.yaml:1:\d+ workers: takes one value/])
  t.match(problems('pools:\n  a: {}'), [/pools\.a\.backends: is missing/])
  t.match(problems('admin:'), [
    /f\.yaml:1:\d+ admin: has no value; write one, or leave the key out/,
  ])
  t.match(problems('listeners: tcp://:1'), [/listeners: .*expected array/])
})

test('a place can be asked for later, the nearest above where a key is missing', async t => {
  const read = parseConfigFile('f.yaml', 'pools:\n  a:\n    backends: [tcp://a:1]\n')
  assert(!('problems' in read))
  t.match(read.where(['pools', 'a', 'backends']), /^f\.yaml:3:\d+ pools\.a\.backends$/)
  t.match(read.where(['pools', 'a', 'balance']), /^f\.yaml:\d+:\d+ pools\.a\.balance$/)
})

test('a file that cannot be read says which and why', async t => {
  t.match(readConfigFile('/nonexistent/f.yaml'), {
    problems: [{ where: '--config', message: /nonexistent\/f\.yaml does not exist/ }],
  })
  t.match(readConfigFile(t.testdir()), { problems: [{ message: /cannot be read/ }] })
})
