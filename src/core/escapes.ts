/**
 * Text that a peer chose, written into text of ours: JSON, a combined access line, HTML.
 *
 * Whatever comes in (latin1, as heads are read), what comes out is visible ASCII and cannot end the place
 * it is put into. Most text needs nothing done to it and is given back as it is.
 */

/** Inside of a JSON string. @param max characters of `text` to take; the rest is left out */
export function jsonText(text: string, max = text.length): string {
  return escaped(text, max, inJson, jsonEscape)
}

/** Between the quotes of a combined line, as nginx and Apache write it: `\x0A`. */
export function lineText(text: string, max = text.length): string {
  return escaped(text, max, inJson, lineEscape)
}

/** In HTML, also within an attribute's quotes. */
export function htmlText(text: string, max = text.length): string {
  return escaped(text, max, inHtml, htmlEscape)
}

/** What may not stay as it is. Classes of one character: their time grows with the text and no faster. */
const inJson = /[^ !#-[\]-~]/
const inHtml = /[^ !#-%(-;=?-~]/

/** Tested by regex first, which takes half the time of a loop over a table (bench/micro). */
function escaped(
  text: string,
  max: number,
  special: RegExp,
  escape: (code: number) => string,
): string {
  const part = text.length > max ? text.slice(0, max) : text
  if (!special.test(part)) return part
  let out = ''
  for (let i = 0; i < part.length; i++) {
    const character = part[i]!
    out += special.test(character) ? escape(part.charCodeAt(i)) : character
  }
  return out
}

function jsonEscape(code: number): string {
  return `\\u${code.toString(16).padStart(4, '0')}`
}

/** There is no form for what is beyond a byte; heads hold none. */
function lineEscape(code: number): string {
  return code > 0xff ? '?' : `\\x${code.toString(16).toUpperCase().padStart(2, '0')}`
}

function htmlEscape(code: number): string {
  return `&#${code};`
}
