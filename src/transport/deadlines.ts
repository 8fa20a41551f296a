/**
 * Deadlines of one worker: a coarse wheel, one timer for all of them.
 *
 * A deadline is late by up to two steps (100 ms), and early only by as much as the timer itself is late within a step (50 ms). Pushing one back, which every read
 * under an idle timeout does, is one store: the wheel notices when it comes past the old place.
 *
 * The wheel's time is that of its last step. While the loop is busy, or the whole process stands still, that lags behind:
 * what is set meanwhile gets the time that was missed once the wheel wakes, or clients would be refused
 * for what they had no time to do.
 */
import { performance } from 'node:perf_hooks'

export const STEP_MS = 50
const SLOTS = 512

/** Who is told. Not a function: each connection has several deadlines, and a closure for each weighs as much as they do. */
export interface DeadlineOwner {
  onDeadline(): void
}

/** Something that must happen by a time. Reused: set, pushed back and cleared many times. */
export class Deadline {
  /** Step at which it is due; 0 while it is not set. */
  due = 0
  /** Step under which it stands in the wheel; 0 if it stands in no slot. */
  linked = 0
  /** Step in which it was set, or last cleared by setting it to 0. */
  since = 0
  /** Neighbours in the ring of its slot; itself while it is in none. */
  next: Deadline = this
  previous: Deadline = this
  readonly owner: DeadlineOwner

  constructor(owner: DeadlineOwner) {
    this.owner = owner
  }

  /** It will not come, and is in no wheel any more. */
  stop(): void {
    this.due = 0
    unlink(this)
  }
}

export class Deadlines {
  /** Steps since start; begins at 1, as 0 means "not set". */
  #now = 1
  /** The head of each slot's ring is a deadline that never expires. */
  readonly #slots = Array.from({ length: SLOTS }, () => new Deadline(nobody))
  readonly #onStep: (lateMs: number) => void
  #timer: NodeJS.Timeout | null = null
  #startedMs = 0

  /** @param onStep called each {@link STEP_MS} with how late it is: the worker's own housekeeping */
  constructor(onStep: (lateMs: number) => void) {
    this.#onStep = onStep
  }

  start(): void {
    this.#startedMs = performance.now()
    this.#wakeAfter(STEP_MS)
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  /** Not an interval: each of those begins when the one before was run, and what they are late adds up. */
  #wakeAfter(ms: number): void {
    this.#timer = setTimeout(() => {
      const elapsedMs = performance.now() - this.#startedMs
      this.#wakeAfter(Math.ceil(STEP_MS - (elapsedMs % STEP_MS)))
      this.wake(elapsedMs)
    }, ms)
  }

  /** Steps since start: time for those who need it no finer. */
  get now(): number {
    return this.#now
  }

  /** Sets or moves `deadline` to `ms` from now; 0 clears it. */
  set(deadline: Deadline, ms: number): void {
    deadline.since = this.#now
    if (ms === 0) return this.clear(deadline)
    // One step more: the current one is partly over.
    const due = this.#now + Math.ceil(ms / STEP_MS) + 1
    deadline.due = due
    if (deadline.linked !== 0 && due >= deadline.linked) return
    unlink(deadline)
    this.#link(deadline)
  }

  clear(deadline: Deadline): void {
    deadline.stop()
  }

  /**
   * Clears one that will soon be set again: it stays where it stands until the wheel comes past, so that both cost
   * a store. Not for what is of no use any more: the wheel would hold on to it.
   */
  suspend(deadline: Deadline): void {
    deadline.due = 0
  }

  /** What the timer calls: {@link advance}, and what was set while it was overdue is put off by as much. */
  wake(elapsedMs: number): void {
    const behind = 1 + Math.floor(elapsedMs / STEP_MS) - this.#now
    if (behind > 1) this.#putOff(behind - 1)
    this.advance(elapsedMs)
  }

  /** Runs every step up to `elapsedMs` since start; after a stall these are several. */
  advance(elapsedMs: number): void {
    const target = 1 + Math.floor(elapsedMs / STEP_MS)
    const lateMs = Math.max(0, elapsedMs - this.#now * STEP_MS)
    // After a stall of more than a turn one turn is enough: it passes every slot.
    const first = Math.max(this.#now, target - SLOTS) + 1
    // Before anything expires: what that sets counts from now.
    if (target > this.#now) this.#now = target
    for (let step = first; step <= target; step++) this.#expire(this.#slots[step % SLOTS]!)
    this.#onStep(lateMs)
  }

  #putOff(steps: number): void {
    for (const slot of this.#slots) {
      for (let each = slot.next; each !== slot; each = each.next) {
        // It stands where it stood: the wheel moves it on when it comes past.
        if (each.since === this.#now && each.due !== 0) each.due += steps
      }
    }
  }

  #expire(slot: Deadline): void {
    if (slot.next === slot) return
    // Moved to a ring of its own first: what expires may set or clear others, in this slot too.
    const passing = new Deadline(nobody)
    passing.next = slot.next
    passing.previous = slot.previous
    passing.next.previous = passing
    passing.previous.next = passing
    slot.next = slot
    slot.previous = slot
    while (passing.next !== passing) {
      const deadline = passing.next
      unlink(deadline)
      if (deadline.due > this.#now) {
        this.#link(deadline)
      } else if (deadline.due !== 0) {
        deadline.due = 0
        deadline.owner.onDeadline()
      }
    }
  }

  #link(deadline: Deadline): void {
    const head = this.#slots[deadline.due % SLOTS]!
    deadline.next = head
    deadline.previous = head.previous
    head.previous.next = deadline
    head.previous = deadline
    deadline.linked = deadline.due
  }
}

function unlink(deadline: Deadline): void {
  deadline.next.previous = deadline.previous
  deadline.previous.next = deadline.next
  deadline.next = deadline
  deadline.previous = deadline
  deadline.linked = 0
}

const nobody: DeadlineOwner = { onDeadline() {} }
