/** How long a certificate is good for. */

const DAY_MS = 86_400_000

/** Whole days, rounded down; negative once it has expired. */
export function daysLeft(notAfter: Date, now: Date): number {
  return Math.floor((notAfter.getTime() - now.getTime()) / DAY_MS)
}
