import { type Test, test } from 'tap'
import { dial, readAll } from '../support/client.ts'
import { sayName, startHttpBackend } from '../support/http-backend.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

const FIELDS = /^ratelimit(?:-policy)?: .*$/gim

async function heads(t: Test, ...flags: string[]): Promise<string[][]> {
  const backend = await startHttpBackend(t, sayName('served'))
  const limits = ['--request-rate', '0.01', '--request-burst', '2']
  const listen = ['--listen', 'http://127.0.0.1:0', '--backend', backend.url, '--probe', 'none']
  const weir = await startWeir(t, withoutLimits(...listen, ...limits, ...flags))
  const found: string[][] = []
  for (let i = 0; i < 3; i++) {
    const socket = await dial(weir.ports[0]!)
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    const [head = ''] = (await readAll(socket)).toString('latin1').split('\r\n\r\n')
    t.match(head, i < 2 ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 429 /)
    const retryAfter = /^Retry-After: (\d+)$/m.exec(head)?.[1] ?? '-'
    found.push((head.match(FIELDS) ?? []).map(line => line.replace(`t=${retryAfter}`, 't=N')))
  }
  return found
}

const POLICY = 'RateLimit-Policy: "request-rate";q=2;w=200'
const REFUSED = [POLICY, 'RateLimit: "request-rate";r=0;t=N']

test('who is refused is told the limit, others nothing unless asked for', async t => {
  t.strictSame(await heads(t), [[], [], REFUSED])
  t.strictSame(await heads(t, '--rate-limit-fields', 'off'), [[], [], []])
})

test('all responses say what is left, those that come again too', async t => {
  const [first, second, refused] = await heads(t, '--rate-limit-fields', 'all')
  t.equal(first![0], POLICY)
  t.match(first![1], /^RateLimit: "request-rate";r=1;t=100$/)
  t.match(second![1], /^RateLimit: "request-rate";r=0;t=(?:199|200)$/)
  t.strictSame(refused, REFUSED)
})
