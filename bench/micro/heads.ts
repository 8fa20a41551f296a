/** Request heads for the micro bench: read, and written for a backend, as a browser and a tool send them. */
import { RequestHead } from '../../src/codec/http1/request-head.ts'
import { Forwarding } from '../../src/proxy/forwarding.ts'
import { Origin } from '../../src/proxy/origin.ts'
import { RequestClient } from '../../src/proxy/request-client.ts'
import { writeRequest } from '../../src/proxy/request-writer.ts'
import { testRoute } from '../../test/support/route.ts'

const tool = ['GET /index.html?x=1 HTTP/1.1', 'Host: www.example.org', 'User-Agent: wrk']
const browser = [
  'GET /assets/app.js?v=7 HTTP/1.1',
  'Host: www.example.org',
  'Connection: keep-alive',
  'sec-ch-ua: "Chromium";v="130", "Not?A_Brand";v="99"',
  'sec-ch-ua-mobile: ?0',
  'sec-ch-ua-platform: "Linux"',
  'Upgrade-Insecure-Requests: 1',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Sec-Fetch-Site: none',
  'Sec-Fetch-Mode: navigate',
  'Referer: https://www.example.org/start',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: en-GB,en;q=0.9',
  'Cookie: _ga=GA1.1.123456789.1700000000; session=0123456789abcdef0123456789abcdef; theme=dark',
]

const address = '203.0.113.7'
const origin = new Origin({
  address,
  proto: 'http',
  forwarders: null,
  forwarding: new Forwarding({
    forwardedRead: 'both',
    forwardedFields: 'both',
    traceparent: 'trusted',
  }),
})
const route = testRoute()
const client = new RequestClient({
  address,
  listener: 'web',
  source: 1,
  peerIdentity: null,
  handshake: null,
  banCounted: false,
})
/** What is written is copied as well, as a socket does: building a string leaves its work to that. */
const sink = Buffer.alloc(16_384)

export const headParts: Readonly<Record<string, () => void>> = {
  'request head of a tool: read': reading(tool).read,
  'request head of a tool: write': reading(tool).write,
  'request head of a browser: read': reading(browser).read,
  'request head of a browser: write': reading(browser).write,
}

function reading(lines: readonly string[]) {
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
  const head = new RequestHead({ keepsEncodedSlash: false, isSecure: false })
  const read = (): void => void head.parse(bytes, 0, bytes.length, 0)
  read()
  const requestId = '0123456789abcdef00000001'
  const request = { head, client, requestId, backendName: 'b:80', route, facts: null }
  const write = (): void => {
    sink.write(writeRequest(request, origin), 'latin1')
  }
  return { read, write }
}
