/** PEM armour (RFC 7468): labelled base64 blocks with any text around them. */

export interface PemBlock {
  /** What stands after BEGIN, such as `CERTIFICATE` or `EC PRIVATE KEY`. */
  readonly label: string
  /** The block with its BEGIN and END lines. */
  readonly text: string
  /** Whether its END line is there. */
  readonly isWhole: boolean
}

const LINE_CHARACTERS = 64
const BEGIN = /^-----BEGIN ([A-Z0-9 ]+)-----/gm

/** The blocks of `text` in their order. What lies between them is comment, and skipped. */
export function readPem(text: string): PemBlock[] {
  const blocks: PemBlock[] = []
  for (const { 0: line, 1: label = '', index } of text.matchAll(BEGIN)) {
    const endLine = `-----END ${label}-----`
    const nextBegin = text.indexOf('-----BEGIN ', index + line.length)
    const end = text.indexOf(endLine, index)
    const isWhole = end !== -1 && (nextBegin === -1 || end < nextBegin)
    const stop = isWhole ? end + endLine.length : nextBegin === -1 ? text.length : nextBegin
    blocks.push({ label, text: text.slice(index, stop), isWhole })
  }
  return blocks
}

/** One block, with its final line end. */
export function writePem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der).toString('base64')
  let lines = ''
  for (let at = 0; at < base64.length; at += LINE_CHARACTERS) {
    lines += `${base64.slice(at, at + LINE_CHARACTERS)}\n`
  }
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`
}

/** For messages: which labels a file holds; never anything of their content. */
export function describeLabels(blocks: readonly PemBlock[]): string {
  if (blocks.length === 0) return 'no PEM block at all'
  return [...new Set(blocks.map(block => block.label))].join(', ')
}
