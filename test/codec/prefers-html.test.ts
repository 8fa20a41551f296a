import { test } from 'tap'
import { prefersHtml } from '../../src/codec/prefers-html.ts'

test('browsers get HTML', async t => {
  for (const accept of [
    // Firefox, Chromium, Safari, and Internet Explorer 8 on a page.
    'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7',
    'text/html, application/xhtml+xml, image/jxr, */*',
    'TEXT/HTML',
    'text/*',
    'application/json;q=0.5, text/html ; level=1 ; q=0.6',
    'application/*;q=0.1,text/html;q=0.2',
  ]) {
    t.equal(prefersHtml(accept), true, accept)
  }
})

test('everybody else gets JSON, and so does who wants both alike', async t => {
  for (const accept of [
    '',
    '*/*',
    'application/json, text/plain, */*',
    'application/json',
    'text/html;q=0',
    'text/html;q=0, */*',
    'text/html;q=2',
    'text/html;q=',
    'text/html;q=x',
    'text/html;q=0.4, application/json;q=0.5',
    'text/html, application/problem+json',
    'text/htm, text/htmlx, ntext/html',
    'text/css,*/*;q=0.1',
    ',,;;=,q=1,',
  ]) {
    t.equal(prefersHtml(accept), false, accept)
  }
})

test('the closest range counts, not the largest weight', async t => {
  t.equal(prefersHtml('text/html;q=0.1, text/*, application/json;q=0.2'), false)
  t.equal(prefersHtml('*/*, text/html, application/*;q=0.9'), true)
})

test('a field of any length is read up to a bound', async t => {
  t.equal(prefersHtml(`${'a/b,'.repeat(200)}text/html`), true)
  t.equal(prefersHtml(`${'a/b,'.repeat(300)}text/html`), false)
})
