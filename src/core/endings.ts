/** Every way a session ends, as the access line and `weir_sessions_ended_total` name it. */
export const endings = [
  'finished', // both sides said they were done
  'client-reset',
  'backend-reset',
  'idle-timeout',
  'handshake-failed',
  'handshake-timeout',
  'no-backend',
  'connect-failed',
  'connect-timeout',
  'queue-full',
  'queue-timeout',
  'client-slow', // took too little of a response (--write-timeout, --write-rate-min)
  'client-gone', // left before a backend was connected
  'evicted', // to make room for others (docs/overload.md)
  'drained', // cut at the end of --drain-timeout
  'refused', // the gate said no; the refusal says why
] as const

export type EndingName = (typeof endings)[number]

/** The number of an ending, for module-level constants. */
export function ending(name: EndingName): number {
  return endings.indexOf(name)
}
