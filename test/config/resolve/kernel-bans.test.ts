import { test } from 'tap'
import { bad, good } from '../../support/config.ts'

const TCP = { listen: ['tcp://127.0.0.1:1'], backend: ['tcp://127.0.0.1:2'] }

test('bans stay in weir unless asked', async t => {
  t.equal(good(t, TCP).kernelBans.how, 'off')
  t.strictSame(good(t, { ...TCP, 'kernel-bans': 'nftables' }).kernelBans, {
    how: 'nftables',
    socket: '/run/weir-kernel-bans/socket',
    table: 'weir',
  })
})

test('what cannot be a socket or a table is refused', async t => {
  const on = { ...TCP, 'kernel-bans': 'nftables' }
  for (const socket of ['run/x', `/${'x'.repeat(107)}`]) {
    t.match(bad(t, { ...on, 'kernel-bans-socket': socket }), [
      /^--kernel-bans-socket: ".*" cannot be a socket; write a path from \/ on, of 107 bytes at most$/,
    ])
  }
  for (const table of ['a-b', '1', 'a b; flush ruleset', 'x'.repeat(33)]) {
    t.match(bad(t, { ...on, 'kernel-bans-table': table }), [
      /^--kernel-bans-table: ".*" cannot be a table; write a letter, and up to 31 letters, digits and _$/,
    ])
  }
  const listen = Array.from({ length: 65 }, (_, i) => `tcp://127.0.0.1:${i + 1}`)
  t.match(bad(t, { ...on, listen }), ['--kernel-bans: 65 listeners are too many for it'])
})
