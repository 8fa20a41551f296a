/** Speaks up of what will expire, once per step: a line a day would not be read. */
import { daysLeft } from '../certificate/validity.ts'

export class ExpirySteps {
  readonly #days: readonly number[]
  /** By name: the step that was told of last. */
  readonly #told = new Map<string, number>()

  /** @param days left at which there is something to say, most first; -1 is once it is over */
  constructor(days: readonly number[]) {
    this.#days = days
  }

  /** @returns days left, if a step was reached that nobody was told of; null if there is nothing new */
  reached(name: string, notAfter: Date, now: Date): number | null {
    const left = daysLeft(notAfter, now)
    const step = this.#days.filter(each => left <= each).at(-1)
    if (step === undefined || this.#told.get(name) === step) return null
    this.#told.set(name, step)
    return left
  }

  /** What they are of was replaced. */
  clear(): void {
    this.#told.clear()
  }
}
