/** Programs that nobody here has written, on both sides of weir. */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { startApplication } from '../support/application.ts'
import { testAuthority } from '../support/certificates.ts'
import { startNginx } from '../support/nginx.ts'
import { until } from '../support/until.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

const run = promisify(execFile)
const file = randomBytes(3_000_000)
const hash = createHash('sha256').update(file).digest('hex')

/** What a test needs and this machine does not have. */
function lacks(...programs: string[]): string | false {
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` }
  const missing = programs.filter(name => spawnSync('which', [name], { env }).status !== 0)
  return missing.length > 0 && `${missing.join(', ')} not installed`
}

/** A folder beside `t.testdir()`, which is the certificates'. */
function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'weir-applications-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** weir on http and https in front of `backend`. */
async function start(t: Test, backend: string) {
  const authority = testAuthority(t)
  const { cert, key } = authority.issue('localhost', ['localhost', '127.0.0.1'])
  const weir = await startWeir(
    t,
    withoutLimits(
      ...['--listen', 'http://127.0.0.1:0', '--listen', 'https://127.0.0.1:0'],
      ...['--cert', cert, '--key', key, '--backend', backend, '--probe', 'none'],
      ...['--request-rate', '0'],
    ),
  )
  const [http, https] = weir.ports
  return {
    weir,
    http: `http://127.0.0.1:${http}`,
    https: `https://localhost:${https}`,
    ca: authority.file,
  }
}

async function curl(...flags: string[]): Promise<Buffer> {
  const { stdout } = await run('curl', ['--silent', '--show-error', '--max-time', '20', ...flags], {
    encoding: 'buffer',
    maxBuffer: 2 * file.length,
  })
  return stdout
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

test('curl gets files of nginx: whole, by ranges, by HTTP/1.0, and over TLS', {
  skip: lacks('curl', 'nginx'),
}, async t => {
  const directory = folder(t)
  writeFileSync(join(directory, 'file.bin'), file)
  const { http, https, ca } = await start(t, await startNginx(t, directory))
  const url = `${http}/file.bin`
  t.equal(sha256(await curl(url)), hash, 'whole')
  t.equal(sha256(await curl('--http1.0', url)), hash, 'HTTP/1.0')
  t.equal(sha256(await curl('--cacert', ca, `${https}/file.bin`)), hash, 'over TLS')
  t.equal(
    sha256(await curl('--range', '1000-2999', url)),
    sha256(file.subarray(1000, 3000)),
    'a range',
  )
  t.equal(sha256(await curl('--range', '-5', url)), sha256(file.subarray(-5)), 'its end')
  const several = (await curl('--include', '--range', '0-4,100-104', url)).toString('latin1')
  t.match(several, /^HTTP\/1\.1 206 [^]*Content-Type: multipart\/byteranges; boundary=/i)
  t.ok(several.includes(file.toString('latin1', 100, 105)), 'several ranges')
  t.match((await curl('--include', '--range', '9000000-', url)).toString(), /^HTTP\/1\.1 416 /)

  const head = (await curl('--head', url)).toString()
  t.match(head, /^HTTP\/1\.1 200 [^]*\r\nContent-Length: 3000000\r\n/i, 'HEAD')
  const etag = /^etag: (.*)\r$/im.exec(head)![1]!
  const again = await curl('--include', '--header', `If-None-Match: ${etag}`, url)
  t.match(again.toString(), /^HTTP\/1\.1 304 [^]*\r\n\r\n$/, 'not modified')
  const quiet = ['--output', '/dev/null', '--output', '/dev/null']
  const both = await curl(...quiet, '--write-out', '%{http_code} %{num_connects} ', url, url)
  t.equal(both.toString(), '200 1 200 0 ', 'two on one connection')
})

test('curl uploads, and waits to be told to', { skip: lacks('curl') }, async t => {
  const application = await startApplication(t)
  const { http, https, ca } = await start(t, application.url)
  const path = join(folder(t), 'upload')
  writeFileSync(path, file)
  for (const [name, flags] of [
    ['with a length', ['--upload-file', path, `${http}/upload`]],
    [
      'in chunks',
      ['--upload-file', path, '--header', 'Transfer-Encoding: chunked', `${http}/upload`],
    ],
    ['over TLS', ['--cacert', ca, '--upload-file', path, `${https}/upload`]],
  ] as const) {
    const text = await curl(
      '--verbose',
      '--header',
      'Expect: 100-continue',
      '--stderr',
      '-',
      ...flags,
    )
    t.match(text.toString(), /< HTTP\/1\.1 100 Continue/, `${name}: it was told to go on`)
    t.match(
      text.toString(),
      `"length":${file.length},"sha256":"${hash}","expect":"100-continue"`,
      name,
    )
  }
})

test('fetch of Node: streams both ways, ranges, and what is cancelled', async t => {
  const application = await startApplication(t)
  const { weir, http } = await start(t, application.url)
  const body = new ReadableStream({
    start(controller) {
      for (let at = 0; at < file.length; at += 100_000) {
        controller.enqueue(file.subarray(at, at + 100_000))
      }
      controller.close()
    },
  })
  const post: RequestInit & { duplex: 'half' } = { method: 'PUT', body, duplex: 'half' }
  t.match(await (await fetch(`${http}/upload`, post)).json(), { length: file.length, sha256: hash })

  const cancelled = new AbortController()
  const answer = await fetch(`${http}/events`, { signal: cancelled.signal })
  t.equal(answer.status, 200)
  await until(() => application.listeners.size === 1, 'the application knows of it')
  cancelled.abort()
  await until(() => application.listeners.size === 0, 'and that it is gone')
  await weir.metricIs('weir_backend_active_connections', {}, 0)
})

test('events arrive one by one, as they are sent', async t => {
  const application = await startApplication(t)
  const { http } = await start(t, application.url)
  const { body } = await fetch(`${http}/events`)
  const reader = body!.getReader()
  for (const text of ['one', 'two', 'three']) {
    // Nothing more is said before this has been heard.
    application.tell(text)
    const { value } = await reader.read()
    t.equal(Buffer.from(value).toString(), `data: ${text}\n\n`)
  }
  await reader.cancel()
})

test('the WebSocket of Node gets back what it sends, of any size', async t => {
  const application = await startApplication(t)
  const { weir, http } = await start(t, application.url)
  const socket = new WebSocket(`${http.replace('http', 'ws')}/socket`)
  socket.binaryType = 'arraybuffer'
  await once(socket, 'open')
  for (const size of [0, 1, 125, 126, 65_535, 65_536, 1_000_000]) {
    const sent = file.subarray(0, size)
    socket.send(sent)
    const [event] = (await once(socket, 'message')) as [{ data: ArrayBuffer }]
    t.ok(sent.equals(Buffer.from(event.data)), `${size} bytes`)
  }
  const closed = once(socket, 'close') as Promise<[{ code: number; wasClean: boolean }]>
  socket.close(1000)
  const [{ code, wasClean }] = await closed
  t.strictSame([code, wasClean], [1000, true])
  await weir.metricIs('weir_backend_active_connections', {}, 0)
})

test('wrk sees no error', { skip: lacks('wrk', 'nginx') }, async t => {
  const directory = folder(t)
  writeFileSync(join(directory, 'small'), 'small')
  const { weir, http, https } = await start(t, await startNginx(t, directory))
  for (const base of [http, https]) {
    const { stdout } = await run('wrk', ['-t1', '-c32', '-d1s', `${base}/small`])
    const requests = Number(/(\d+) requests in/.exec(stdout)?.[1])
    t.ok(requests > 100, `${requests} requests`)
    t.notMatch(stdout, /Socket errors|Non-2xx/)
  }
  t.equal(await weir.metric('weir_requests_total', { status: '5xx' }), 0)
})

test('Chromium shows a page that fetches, uploads, listens and opens a WebSocket', {
  skip: lacks('chromium'),
}, async t => {
  const application = await startApplication(t)
  const { https } = await start(t, application.url)
  const profile = folder(t)
  const browser = spawn(
    'chromium',
    [
      ...[
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        '--no-first-run',
      ],
      ...['--disable-background-networking', '--disable-extensions', '--remote-debugging-port=0'],
      ...['--ignore-certificate-errors', `--user-data-dir=${profile}`, `${https}/`],
    ],
    { stdio: 'ignore' },
  )
  t.teardown(async () => {
    if (browser.exitCode !== null || browser.signalCode !== null) return
    browser.kill('SIGTERM')
    await once(browser, 'close')
  })
  const report = await Promise.race([
    application.report,
    once(browser, 'close').then(() => 'ended'),
  ])
  t.match(report, {
    text: 'hello',
    upload: { length: 300_000 },
    events: '1 2 3',
    socket: 70_000,
    proto: 'http/1.1',
  })
})
