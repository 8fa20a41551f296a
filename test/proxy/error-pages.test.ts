import { test } from 'tap'
import { ErrorPages } from '../../src/proxy/error-pages.ts'

test('a page of one status goes before that of its class, in any order', async t => {
  const pages = new ErrorPages([
    { statusMin: 503, statusMax: 503, html: 'own' },
    { statusMin: 500, statusMax: 599, html: 'class' },
  ])
  t.equal(pages.write(503, '', ''), 'own')
  t.equal(pages.write(502, '', ''), 'class')
  t.equal(pages.write(404, '', ''), null)
})

test('placeholders are filled in, escaped; all else stays as it is', async t => {
  const html =
    '{{reason}}<i title="{{request-id}}">{{status}} {{request-id}}{{else}} {{ status }} \u00e9'
  const pages = new ErrorPages([{ statusMin: 404, statusMax: 404, html }])
  t.equal(
    pages.write(404, 'no-route', '"><script>{{status}}$&'),
    'no-route<i title="&#34;&#62;&#60;script&#62;{{status}}$&#38;">404 &#34;&#62;&#60;script&#62;{{status}}$&#38;{{else}} {{ status }} \u00e9',
  )
  t.equal(new ErrorPages([{ statusMin: 404, statusMax: 404, html: '' }]).write(404, 'a', 'b'), '')
})
