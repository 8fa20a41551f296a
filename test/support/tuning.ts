/** The settings that docs/tuning.md tells operators to use: what is tested is what is written there. */
import { readFileSync } from 'node:fs'

/** @param name of a block of flags: ```sh NAME */
export function settingOf(name: string): string[] {
  const text = readFileSync(new URL('../../docs/tuning.md', import.meta.url), 'utf8')
  const block = new RegExp(`^\`\`\`sh ${name}\\n([^\`]+)\`\`\``, 'm').exec(text)
  if (block === null) throw new Error(`docs/tuning.md has no block ${name}`)
  return block[1]!.replaceAll('\\\n', ' ').trim().split(/\s+/)
}
