import { test } from 'tap'
import { hasClaim } from '../../src/auth/claim-rule.ts'

const CLAIMS = {
  tier: 'gold',
  level: 7,
  admin: true,
  roles: ['read', 'write', 3],
  email: 'ops-1@a.test',
  realm_access: { roles: ['admin'], deep: { name: 'x' } },
  'https://a.test/group': 'staff',
  'realm_access.name': 'whole',
  none: null,
}

const cases: readonly (readonly [name: string, wanted: string | string[], has: boolean])[] = [
  ['tier', ['gold'], true],
  ['tier', ['silver', 'gold'], true],
  ['tier', ['Gold'], false],
  ['tier', [], false],
  ['level', ['7'], true],
  ['admin', ['true'], true],
  ['roles', ['write'], true],
  ['roles', ['3'], true],
  ['roles', ['read,write'], false],
  ['email', 'ops-', true],
  ['email', 'dev-', false],
  ['roles', 'wr', true],
  ['level', '7', false],
  ['realm_access.roles', ['admin'], true],
  ['realm_access.deep.name', ['x'], true],
  ['realm_access.name', ['whole'], true],
  ['https://a.test/group', ['staff'], true],
  ['absent', ['undefined'], false],
  ['none', ['null'], false],
  ['realm_access', ['[object Object]'], false],
  ['tier.length', ['4'], false],
  ['constructor', ['Object'], false],
  ['__proto__.toString', [''], false],
]

for (const [name, wanted, has] of cases) {
  const rule =
    typeof wanted === 'string' ? { oneOf: [], prefix: wanted } : { oneOf: wanted, prefix: '' }
  test(`${name} of ${JSON.stringify(wanted)}: ${has}`, async t => {
    t.equal(hasClaim(CLAIMS, { name, ...rule }), has)
  })
}

test('a number that was rounded when it was read fits nothing', async t => {
  const rule = { name: 'uid', oneOf: ['9007199254740992', '7'], prefix: '' }
  t.equal(hasClaim(JSON.parse('{"uid":9007199254740993}') as Record<string, unknown>, rule), false)
  t.equal(hasClaim({ uid: 7 }, rule), true)
})
