/**
 * What the probes make of one backend: a state machine of counts, without sockets or timers.
 *
 * checking → up: the first probe was good. checking → down: the first was bad: a backend nobody has
 * seen well is not given the benefit of `fall`. up → down: `fall` bad ones in a row. down → up:
 * `rise` good ones in a row.
 */

export type HealthState = 'checking' | 'up' | 'down'

export class Health {
  state: HealthState = 'checking'
  /** Good ones in a row, or bad ones. */
  goodInRow = 0
  badInRow = 0
  readonly #rise: number
  readonly #fall: number

  constructor(rise: number, fall: number) {
    this.#rise = rise
    this.#fall = fall
  }

  /** @returns whether the state changed */
  note(good: boolean): boolean {
    this.goodInRow = good ? this.goodInRow + 1 : 0
    this.badInRow = good ? 0 : this.badInRow + 1
    const before = this.state
    if (before === 'checking') this.state = good ? 'up' : 'down'
    else if (before === 'up' && this.badInRow >= this.#fall) this.state = 'down'
    else if (before === 'down' && this.goodInRow >= this.#rise) this.state = 'up'
    return this.state !== before
  }
}
