import { test } from 'tap'
import {
  TALKER_WORDS,
  Talkers,
  textWords,
  WINDOW_SECONDS,
  windowAt,
  wordsText,
} from '../../src/shared/talkers.ts'

function talkers(): Talkers {
  return new Talkers(new SharedArrayBuffer(Talkers.bytes()), 0, 4, 12_345)
}

const key = (n: number) => Int32Array.of(0, 0, 0xffff, n)
const of = (it: Talkers, n: number, window: number) =>
  it.list(window).find(talker => talker.key[3] === n)

test('what is counted of a few is exact', t => {
  const it = talkers()
  for (let n = 1; n <= 20; n++) for (let i = 0; i < n; i++) it.count(key(n), 5, i === 0 ? 1 : 0)
  for (let n = 1; n <= 20; n++) t.match(of(it, n, 5), { count: n, refused: 1, error: 0 })
  t.equal(it.list(5).length, 20)
  t.end()
})

test('it says of how many in this window it is sure', t => {
  const it = talkers()
  t.equal(it.count(key(1), 5, 1), 1)
  t.equal(it.count(key(1), 5, 1), 2)
  t.equal(it.count(key(1), 6, 1), 1, 'a new one')
  t.end()
})

test('the window that runs and the one before it count, older ones do not', t => {
  const it = talkers()
  for (let i = 0; i < 3; i++) it.count(key(1), 5, 1)
  it.count(key(1), 6, 1)
  t.match(of(it, 1, 6), { count: 4, refused: 4 })
  t.match(of(it, 1, 7), { count: 1, refused: 1 })
  t.equal(of(it, 1, 8), undefined)
  it.count(key(1), 9, 0)
  t.match(of(it, 1, 9), { count: 1, refused: 0 })
  t.equal(windowAt(WINDOW_SECONDS * 2000 + 1), 2)
  t.end()
})

test('a heavy one is found among very many, with its bound', t => {
  const it = talkers()
  for (let i = 0; i < 100_000; i++) {
    it.count(key(1000 + i), 5, 1)
    if (i % 20 === 0) it.count(key(7), 5, 1)
  }
  const heavy = of(it, 7, 5)!
  t.ok(heavy.count <= 5000 && heavy.count + heavy.error >= 5000, JSON.stringify(heavy))
  const first = it.list(5).toSorted((a, b) => b.count - a.count)[0]!
  t.equal(first.key[3], 7)
  t.equal(it.list(5).length, 512, 'its memory is all it has')
  t.end()
})

test('one may count for several, whether it is known or not', t => {
  const it = talkers()
  t.equal(it.count(key(1), 5, 0, 16), 16)
  t.equal(it.count(key(1), 5, 1, 16), 32)
  t.match(of(it, 1, 5), { count: 32, refused: 1, error: 0 })
  t.end()
})

test('text is a key as far as it fits, and nothing of the one before it is left', t => {
  const words = new Int32Array(TALKER_WORDS)
  for (const text of ['t13d1516h2_8daaf6152771_02713d6af862', 'api-key k1', '']) {
    textWords(text, words)
    t.equal(wordsText(words), text)
  }
  textWords('x'.repeat(99), words)
  t.equal(wordsText(words), 'x'.repeat(36))
  t.end()
})
