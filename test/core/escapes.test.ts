import { assert, integer, property, string } from 'fast-check'
import { test } from 'tap'
import { htmlText, jsonText, lineText } from '../../src/core/escapes.ts'

const latin1 = string({
  unit: integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code)),
})

test('JSON reads back what went in, and is ASCII', async t => {
  assert(
    property(latin1, text => {
      const out = jsonText(text)
      return JSON.parse(`"${out}"`) === text && /^[ -~]*$/.test(out)
    }),
  )
  t.equal(jsonText('a"b\\c\nd\u00e9\u007f'), 'a\\u0022b\\u005cc\\u000ad\\u00e9\\u007f')
  t.equal(jsonText('plain text'), 'plain text')
})

test('a line holds no quote, no control character and no byte above ASCII', async t => {
  assert(
    property(latin1, text => {
      const out = lineText(text)
      const back = out.replaceAll(/\\x([0-9A-F]{2})/g, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      )
      return back === text && /^[ !#-~]*$/.test(out)
    }),
  )
  t.equal(lineText('a" 200 "\r\n\u00ff\\'), 'a\\x22 200 \\x22\\x0D\\x0A\\xFF\\x5C')
  t.equal(lineText('\u20ac'), '?')
})

test('HTML gets no tag, no entity and no end of an attribute', async t => {
  t.equal(htmlText(`<b a="x">&'\u00e9`), '&#60;b a=&#34;x&#34;&#62;&#38;&#39;&#233;')
  assert(property(latin1, text => /^(?:[^&<>"']|&#\d+;)*$/.test(htmlText(text))))
  t.pass('of any text')
})

test('text is cut at its length, before it is escaped', async t => {
  t.equal(jsonText('abcdef', 3), 'abc')
  t.equal(lineText('""""', 2), '\\x22\\x22')
  t.equal(htmlText('ab', 3), 'ab')
})
