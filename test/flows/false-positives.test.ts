/** Clients that mean no harm, all they do at once: none of them may be refused anything. */
import { type Test, test } from 'tap'
import { setInterval as beats } from 'node:timers/promises'
import { Browser, type Site } from '../support/browser.ts'
import { testAuthority } from '../support/certificates.ts'
import { sayName, startHttpBackend } from '../support/http-backend.ts'
import { settingOf } from '../support/tuning.ts'
import { type RunningWeir, startWeir } from '../support/weir.ts'

/** Loopback can be banned here, as the addresses of clients can. */
const BANNABLE = ['--ban-exempt', '192.0.2.1']
/** Between two clicks of somebody who is in a hurry. */
const CLICK_MS = 1000

async function start(t: Test, ...flags: string[]): Promise<{ weir: RunningWeir; site: Site }> {
  const backend = await startHttpBackend(t, sayName('served'))
  const authority = testAuthority(t)
  const { cert, key } = authority.issue('localhost', ['localhost'])
  const weir = await startWeir(t, [
    ...['--listen', 'https://127.0.0.1:0', '--cert', cert, '--key', key, '--workers', '2'],
    ...['--backend', backend.url, '--connection-log', 'false', ...BANNABLE, ...flags],
  ])
  return { weir, site: { port: weir.ports[0]!, ca: authority.pem } }
}

async function nobodyWasRefused(
  t: Test,
  weir: RunningWeir,
  browsers: readonly Browser[],
  requests: number,
): Promise<void> {
  const answers: Record<string, number> = {}
  for (const browser of browsers) {
    for (const [answer, count] of browser.answers) answers[answer] = (answers[answer] ?? 0) + count
  }
  t.strictSame(answers, { 200: requests })
  await weir.metricIs('weir_requests_total', { status: '2xx' }, requests)
  t.equal(await weir.metric('weir_refusals_total'), 0)
  t.equal(await weir.metric('weir_bans_total'), 0)
}

test('a browser, with the defaults: pages of 100 resources, as fast as a human clicks', async t => {
  const { weir, site } = await start(t)
  const browser = new Browser(t, site, '127.0.0.2')
  let pages = 0
  for await (const _ of beats(CLICK_MS)) {
    await browser.open()
    if (++pages === 5) break
  }
  await nobodyWasRefused(t, weir, [browser], 505)
})

test('a mobile client, with the defaults: it goes from network to network, and on', async t => {
  const { weir, site } = await start(t)
  const browser = new Browser(t, site, '127.0.1.1')
  for (let network = 2; network <= 12; network++) {
    await browser.open(60)
    browser.moveTo(`127.0.1.${network}`)
    await browser.open(60)
  }
  await nobodyWasRefused(t, weir, [browser], 22 * 61)
})

test('an office of 200 behind one address, all at once, with the setting for it', async t => {
  const { weir, site } = await start(t, ...settingOf('office'))
  const browsers = Array.from({ length: 200 }, () => new Browser(t, site, '127.0.0.2'))
  await Promise.all(browsers.map(browser => browser.open(50)))
  await nobodyWasRefused(t, weir, browsers, 200 * 51)
})

test('and it is refused without: so the setting is what lets it in', async t => {
  const { weir, site } = await start(t, '--shadow', 'all')
  const browsers = Array.from({ length: 20 }, () => new Browser(t, site, '127.0.0.2'))
  await Promise.all(browsers.map(browser => browser.open(50)))
  t.ok((await weir.metric('weir_shadow_refusals_total')) > 0)
})
