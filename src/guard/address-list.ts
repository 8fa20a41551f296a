/**
 * `--allow` and `--deny`. The most specific block decides, a deny where both name the same one.
 *
 * With any `--allow` given, an address that no block covers is refused: whoever lists whom to let in
 * does not expect the rest of the world. One list does not undo the other, because the longest
 * prefix wins and not the order in which they are read.
 */
import { CidrSet, parseCidr } from '../core/cidr-set.ts'
import { ADMITTED, refusal } from '../core/refusals.ts'

const REFUSAL = refusal('denied')
const ALLOWED = 1
const DENIED = 2

export class AddressList {
  readonly #blocks = new CidrSet()
  readonly #otherwise: number
  /** Nothing is listed: everybody passes, without a look. */
  readonly #empty: boolean

  /** @param allow and deny: valid blocks, the config has checked them */
  constructor(allow: readonly string[], deny: readonly string[]) {
    for (const block of allow) this.#add(block, ALLOWED)
    for (const block of deny) this.#add(block, DENIED)
    this.#otherwise = allow.length === 0 ? ADMITTED : REFUSAL
    this.#empty = allow.length + deny.length === 0
  }

  /** @returns 0 or the refusal */
  check(address: Int32Array): number {
    if (this.#empty) return ADMITTED
    const found = this.#blocks.find(address)
    if (found === 0) return this.#otherwise
    return found === ALLOWED ? ADMITTED : REFUSAL
  }

  #add(block: string, value: number): void {
    const cidr = parseCidr(block)
    if (cidr !== null) this.#blocks.add(cidr, value)
  }
}
