/** Messages made up by fast-check: good ones, and good ones with a few things done to them. */
import * as fc from 'fast-check'

/** What parsers differ about, put anywhere. */
const oddity = fc.constantFrom(
  ...[
    '\r\n',
    '\n',
    '\r',
    '\r\n\r\n',
    '\n\n',
    '\0',
    ' ',
    '\t',
    ':',
    ',',
    ';',
    '\x0b',
    '\x0c',
    '\x7f',
    '\xa0',
  ],
  ...[
    '\xff',
    '0',
    '5',
    'a',
    'chunked',
    '_',
    '"',
    '+',
    '-',
    '0x',
    '%',
    '%2e',
    '/',
    '//',
    '/..',
    '?',
    '#',
    '\\',
    '@',
  ],
  ...[
    'Content-Length: 5\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Host: b\r\n',
    'Connection: close\r\n',
    ' HTTP/1.1',
  ],
)

/** One of the characters of `text`. */
function anyOf(text: string): fc.Arbitrary<string> {
  return fc.constantFrom(...text.split(''))
}

type Change = (text: string, at: number) => string

const change: fc.Arbitrary<Change> = fc.oneof(
  oddity.map(
    (odd): Change =>
      (text, at) =>
        text.slice(0, at) + odd + text.slice(at),
  ),
  oddity.map(
    (odd): Change =>
      (text, at) =>
        text.slice(0, at) + odd + text.slice(at + 1),
  ),
  fc.constant<Change>((text, at) => text.slice(0, at) + text.slice(at + 1)),
  fc.constant<Change>((text, at) => text.slice(0, at) + text.slice(text.indexOf('\n', at) + 1)),
  // A line twice.
  fc.constant<Change>((text, at) => {
    const end = text.indexOf('\n', at) + 1
    const start = text.lastIndexOf('\n', at - 1) + 1
    return text.slice(0, end) + text.slice(start, end) + text.slice(end)
  }),
  // A blank line end less, or a part of one.
  fc.constant<Change>((text, at) => {
    const end = text.indexOf('\r\n', at)
    return end === -1 ? text : text.slice(0, end) + text.slice(end + 1)
  }),
)

/** @param most changes at once; 0 leaves it as it is */
function changed(text: fc.Arbitrary<string>, most: number): fc.Arbitrary<string> {
  return fc
    .tuple(text, fc.array(fc.tuple(change, fc.nat()), { maxLength: most }))
    .map(([good, changes]) =>
      changes.reduce((now, [apply, at]) => apply(now, at % (now.length + 1)), good),
    )
}

const token = fc.string({
  unit: anyOf('abcXYZ019-!#$%&*+.^_`|~'),
  minLength: 1,
  maxLength: 10,
})
const value = fc.string({ unit: anyOf('abc XYZ\t09:,;="()/\xe4'), maxLength: 20 })
const field = fc.oneof(
  fc.tuple(token, value).map(([name, text]) => `X-${name}: ${text}`),
  fc.constantFrom(
    ...[
      'Accept: */*',
      'X:',
      'X:a',
      'Cookie: a=b; c=d',
      'Connection: keep-alive',
      'Connection: x, y',
    ],
    ...[
      '__proto__: x',
      'constructor: x',
      'X_Y: z',
      'TE: trailers',
      'Via: 1.0 x',
      'Referer: http://x/',
    ],
  ),
)

const chunk = fc
  .tuple(
    fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 20 }),
    fc.constantFrom('', '', ';a', ';a=b', ';a="c;"'),
  )
  .map(([data, extension]) => `${data.length.toString(16)}${extension}\r\n${data}\r\n`)
const chunks = fc
  .tuple(
    fc.array(chunk, { maxLength: 3 }),
    fc.constantFrom('0', '00', '0;a'),
    fc.constantFrom('', 'A: b\r\n'),
  )
  .map(([all, last, trailer]) => `${all.join('')}${last}\r\n${trailer}\r\n`)

interface Content {
  readonly fields: readonly string[]
  readonly bytes: string
}

const content: fc.Arbitrary<Content> = fc.oneof(
  fc.constant({ fields: [], bytes: '' }),
  fc
    .tuple(
      fc.string({ unit: 'binary-ascii', maxLength: 30 }),
      fc.constantFrom('Content-Length: ', 'content-length:', 'Content-Length: 0'),
    )
    .map(([text, name]) => ({ fields: [`${name}${text.length}`], bytes: text })),
  fc
    .tuple(chunks, fc.constantFrom('Transfer-Encoding: chunked', 'transfer-encoding:\tCHUNKED '))
    .map(([text, name]) => ({ fields: [name], bytes: text })),
)

const target = fc.oneof(
  fc.constantFrom(
    ...[
      '/',
      '/a',
      '/a?b=c',
      '/a//b',
      '/a/./b/../c',
      '/%7e%41',
      'http://h/x',
      'http://h:80?x',
      '/a;b',
      '/{x}|',
    ],
  ),
  fc.string({ unit: anyOf('ab/.%2eE;?=&'), maxLength: 12 }).map(text => `/${text}`),
)

function lines(
  start: string,
  fields: readonly string[],
  { fields: framing, bytes }: Content,
): string {
  return `${[start, ...fields, ...framing].join('\r\n')}\r\n\r\n${bytes}`
}

const request = fc
  .tuple(
    fc.constantFrom('GET', 'GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'),
    target,
    fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'),
    fc.array(field, { maxLength: 5 }),
    content,
  )
  .map(([method, path, version, fields, body]) =>
    lines(`${method} ${path} ${version}`, ['Host: h', ...fields], body),
  )

const response = fc
  .tuple(
    fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'),
    fc.constantFrom('200 OK', '404 Not Found', '500 ', '200', '301 Moved', '206 \xe4'),
    fc.array(field, { maxLength: 5 }),
    content,
  )
  .map(([version, status, fields, body]) => lines(`${version} ${status}`, fields, body))

/** One or more requests in a row, each as good as it can be or changed. */
export const requests = fc
  .array(fc.oneof(request, changed(request, 3)), { minLength: 1, maxLength: 4 })
  .map(all => all.join(''))

/** A response, 1xx before it or not, whole or changed, and perhaps more than that. */
export const responses = fc
  .tuple(
    fc.constantFrom(
      '',
      '',
      '',
      'HTTP/1.1 100 Continue\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n',
    ),
    fc.oneof(response, changed(response, 3)),
  )
  .map(([interim, whole]) => interim + whole)
