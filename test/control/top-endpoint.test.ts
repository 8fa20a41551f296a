import { test } from 'tap'
import { EndpointError } from '../../src/control/endpoint.ts'
import type { Top } from '../../src/control/top.ts'
import { topEndpoint } from '../../src/control/top-endpoint.ts'

const endpoint = topEndpoint({
  ask: (kind: string, limit: number) => Promise.resolve({ kind, limit }),
} as unknown as Top)

async function ask(query: string): Promise<unknown> {
  try {
    return await endpoint.handle(new URLSearchParams(query), null)
  } catch (error) {
    if (!(error instanceof EndpointError)) throw error
    return `${error.status} ${error.message}`
  }
}

test('a question without anything is about addresses', async t => {
  t.match(await ask(''), { kind: 'addresses', limit: 20 })
  t.match(await ask('of=routes&limit=1000'), { kind: 'routes', limit: 1000 })
})

test('what cannot be asked for is told, with what can', async t => {
  t.match(await ask('of=everything'), /^400 ask for \?of= one of addresses, prefixes, /)
  t.match(await ask('of='), /^400 /)
  for (const limit of ['', '0', '01', '1001', '-1', '1.5', '1e3', '٣', 'NaN', ' 5']) {
    t.equal(
      await ask(`limit=${encodeURIComponent(limit)}`),
      '400 limit is a number of rows from 1 to 1000',
    )
  }
})
