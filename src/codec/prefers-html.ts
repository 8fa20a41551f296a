/**
 * Whether a client would rather read HTML than JSON, by its Accept field (RFC 9110 §12.5.1).
 *
 * Only a client that names HTML gets it, as browsers do: a wildcard alone, which curl and most libraries
 * send, is as content with JSON. Commas within quoted parameters, which nobody sends, may be misread.
 */

/** Characters looked at; the rest of a longer field says nothing. */
const LENGTH_MAX = 1024

/** @param accept all Accept fields, joined by commas; '' for none */
export function prefersHtml(accept: string): boolean {
  if (accept === '') return false
  const text = accept.slice(0, LENGTH_MAX).toLowerCase()
  const html = new Preference('text/html', '', 'text/*')
  const json = new Preference('application/problem+json', 'application/json', 'application/*')
  for (let at = 0; at <= text.length; ) {
    const comma = text.indexOf(',', at)
    const end = comma === -1 ? text.length : comma
    const range = text.slice(at, end)
    const semicolon = range.indexOf(';')
    const type = (semicolon === -1 ? range : range.slice(0, semicolon)).trim()
    const weight = semicolon === -1 ? 1 : weightOf(range.slice(semicolon + 1))
    html.consider(type, weight)
    json.consider(type, weight)
    at = end + 1
  }
  if (html.weight <= 0) return false
  if (html.weight !== json.weight) return html.weight > json.weight
  return html.rank > json.rank
}

/** How much one type is wanted: what is said of it most closely counts. */
class Preference {
  weight = -1
  /** 3 for its own name down to 0 for any type at all; -1 if nothing is said. */
  rank = -1
  readonly #names: readonly string[]

  constructor(own: string, near: string, family: string) {
    this.#names = ['*/*', family, near, own]
  }

  consider(type: string, weight: number): void {
    const rank = type === '' ? -1 : this.#names.indexOf(type)
    if (rank === -1 || rank < this.rank) return
    this.weight = rank === this.rank ? Math.max(weight, this.weight) : weight
    this.rank = rank
  }
}

/** The weight among parameters; 1 where it is not said, 0 where it is none. */
function weightOf(parameters: string): number {
  for (const parameter of parameters.split(';')) {
    const [name, value = ''] = parameter.split('=')
    if (name!.trim() !== 'q') continue
    const weight = Number(value.trim())
    return weight >= 0 && weight <= 1 ? weight : 0
  }
  return 1
}
