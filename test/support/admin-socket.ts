/** The admin socket of a weir in a test. */
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import type { Test } from 'tap'

/** A path for it. The name of a socket has 107 bytes: too few for folders of tests. */
export function adminSocket(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'weir-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return `${folder}/admin.sock`
}

/** Asks it as a program does. @returns status and answer */
export async function askSocket(socketPath: string, path: string): Promise<[number, unknown]> {
  const { promise, resolve, reject } = Promise.withResolvers<[number, unknown]>()
  const asked = request({ socketPath, path }, response => {
    void readText(response).then(text => resolve([response.statusCode!, JSON.parse(text)]), reject)
  })
  asked.on('error', reject)
  asked.end()
  return promise
}
