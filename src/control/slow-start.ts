/** How much of its weight a backend that has just come back carries. */
import { WEIGHT_SCALE } from '../shared/backend-table.ts'

/** It begins with a tenth: enough to warm its caches, too little to hurt it. */
const FIRST_SHARE = 0.1

/**
 * @param weight  as configured
 * @param sinceMs it came back; null if it never left
 * @param overMs  time to the full weight; 0 is at once
 * @returns the weight for the backend table, at least 1
 */
export function weightAfter(weight: number, sinceMs: number | null, overMs: number): number {
  const full = weight * WEIGHT_SCALE
  if (sinceMs === null || sinceMs >= overMs) return full
  const share = FIRST_SHARE + (1 - FIRST_SHARE) * (sinceMs / overMs)
  return Math.max(1, Math.round(full * share))
}
