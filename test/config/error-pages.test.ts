import { chmodSync, writeFileSync } from 'node:fs'
import { test } from 'tap'
import { loadErrorPages, readErrorPages } from '../../src/config/error-pages.ts'
import type { Problem } from '../../src/config/flag.ts'

function read(...texts: string[]) {
  const problems: Problem[] = []
  return {
    pages: readErrorPages(texts, problems),
    problems: problems.map(({ message }) => message),
  }
}

function load(file: string) {
  const problems: Problem[] = []
  const pages = loadErrorPages([{ statusMin: 503, statusMax: 503, file }], problems)
  return { pages, problems }
}

test('a status or a class has a file, whose name may hold an equals sign', async t => {
  t.strictSame(read('503=/a/b=c.html', '5xx=x', '404=y', '4xx=z'), {
    pages: [
      { statusMin: 503, statusMax: 503, file: '/a/b=c.html' },
      { statusMin: 500, statusMax: 599, file: 'x' },
      { statusMin: 404, statusMax: 404, file: 'y' },
      { statusMin: 400, statusMax: 499, file: 'z' },
    ],
    problems: [],
  })
})

test('what is no setting is told, each by itself', async t => {
  t.strictSame(read('503', '=x', '200=x', '600=x', '3xx=x', '0x1F4=x', '503=', '503=a', '503=b'), {
    pages: [{ statusMin: 503, statusMax: 503, file: 'a' }],
    problems: [
      '"503" names no file; write STATUS=FILE, as 503=/etc/weir/503.html',
      '"" is no status from 400 to 599, nor 4xx or 5xx',
      '"200" is no status from 400 to 599, nor 4xx or 5xx',
      '"600" is no status from 400 to 599, nor 4xx or 5xx',
      '"3xx" is no status from 400 to 599, nor 4xx or 5xx',
      '"0x1F4" is no status from 400 to 599, nor 4xx or 5xx',
      '"503=" names no file; write STATUS=FILE, as 503=/etc/weir/503.html',
      '503 is given twice; leave one',
    ],
  })
})

test('a page is its bytes, whatever they mean', async t => {
  const dir = t.testdir({ 'a.html': '<p>é' })
  t.strictSame(load(`${dir}/a.html`), {
    pages: [{ statusMin: 503, statusMax: 503, html: '<p>Ã©' }],
    problems: [],
  })
})

test('a file that cannot be used is a problem', async t => {
  const dir = t.testdir({ large: 'x'.repeat(65_537), full: 'x'.repeat(65_536), secret: 'x' })
  t.strictSame(load(`${dir}/full`).problems, [])
  const cases: [string, RegExp][] = [
    ['none', /^\/.*\/none does not exist$/],
    ['large', /large has 65537 bytes, at most 65536 are sent; make it smaller$/],
    ['.', /\. is no file$/],
  ]
  if (process.getuid?.() !== 0) {
    chmodSync(`${dir}/secret`, 0)
    cases.push(['secret', /secret may not be read by this user$/])
  }
  writeFileSync(`${dir}/empty`, '')
  t.strictSame(load(`${dir}/empty`).problems, [])
  for (const [name, message] of cases) {
    const { pages, problems } = load(`${dir}/${name}`)
    t.strictSame(pages, [], name)
    t.equal(problems[0]?.where, '--error-page')
    t.match(problems[0]?.message, message)
  }
})
