import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { Notifier } from '../../src/control/notify.ts'
import { until } from '../support/until.ts'

/** A notifier whose systemd-notify writes down how it was called. */
function makeNotifier(
  t: { testdir(): string; teardown(fn: () => void): void },
  env: Record<string, string>,
) {
  const directory = t.testdir()
  const [program, calls] = [join(directory, 'notify'), join(directory, 'calls')]
  writeFileSync(calls, '')
  writeFileSync(program, `#!/bin/sh\necho "$@" >> ${calls}\n`)
  chmodSync(program, 0o755)
  const warnings: string[] = []
  const notifier = new Notifier({ log: message => warnings.push(message), env, program })
  t.teardown(() => notifier.stop())
  const read = (): string[] => readFileSync(calls, 'utf8').split('\n').filter(Boolean)
  return { notifier, calls: read, warnings }
}

const SOCKET = { NOTIFY_SOCKET: '/run/x' }

test('systemd is told of readiness and of stopping', async t => {
  const { notifier, calls } = makeNotifier(t, SOCKET)
  notifier.ready()
  await until(() => calls().length === 1, 'a call')
  notifier.stopping()
  await until(() => calls().length === 2, 'a call')
  t.match(calls(), [
    `--ready --pid=${process.pid} --status=serving`,
    'STOPPING=1 --status=draining',
  ])
})

test('without systemd nothing is called', async t => {
  const { notifier, calls } = makeNotifier(t, { WATCHDOG_USEC: '1000' })
  notifier.ready()
  notifier.startWatchdog(() => true)
  t.equal(notifier.watchdogIntervalMs, 0)
  const told = makeNotifier(t, SOCKET)
  told.notifier.ready()
  await until(() => told.calls().length === 1, 'the other is called')
  t.strictSame(
    calls().filter(line => line.includes('WATCHDOG')),
    [],
  )
})

test('the watchdog is fed at a quarter of its time, and only while there is progress', async t => {
  const { notifier, calls } = makeNotifier(t, { ...SOCKET, WATCHDOG_USEC: '80000' })
  t.equal(notifier.watchdogIntervalMs, 20)
  let asked = 0
  let moves = true
  notifier.startWatchdog(() => {
    asked++
    return moves
  })
  await until(() => calls().length >= 2, 'it is fed')
  moves = false
  const before = asked
  await until(() => asked >= before + 5, 'it is asked')
  const fed = calls().length
  await until(() => asked >= before + 15, 'it is asked again')
  t.ok(calls().length <= fed + 1, 'one may have been under way')
})

test('the watchdog of another process is not ours', async t => {
  const { notifier } = makeNotifier(t, { ...SOCKET, WATCHDOG_USEC: '40000', WATCHDOG_PID: '1' })
  t.equal(notifier.watchdogIntervalMs, 0)
})

test('a program that is missing is told of once and stops nothing', async t => {
  const warnings: string[] = []
  const notifier = new Notifier({
    log: message => warnings.push(message),
    env: SOCKET,
    program: '/nonexistent/notify',
  })
  notifier.ready()
  notifier.stopping()
  await until(() => warnings.length > 0, 'a warning')
  t.match(warnings, [/\/nonexistent\/notify failed: .*systemd is not told/])
})
