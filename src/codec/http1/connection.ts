/** What `Connection` says, RFC 9110 §7.6.1. */
import { mayBeNamedAway } from './field-names.ts'

export interface ConnectionOptions {
  /** The connection may be used for the next message. */
  readonly keepAlive: boolean
  readonly upgrade: boolean
  /** Names of further fields that go no further, in lower case. */
  readonly named: readonly string[]
}

const NONE: readonly string[] = []
const KEPT: ConnectionOptions = { keepAlive: true, upgrade: false, named: NONE }
const CLOSED: ConnectionOptions = { keepAlive: false, upgrade: false, named: NONE }

/**
 * @param value all `Connection` fields, joined by commas; '' for none
 * @param minor of the sender's HTTP version: 1.0 closes unless it says otherwise
 */
export function connectionOptions(value: string, minor: number): ConnectionOptions {
  if (value === '') return minor === 1 ? KEPT : CLOSED
  const lower = value.toLowerCase()
  if (lower === 'keep-alive') return KEPT
  if (lower === 'close') return CLOSED
  const options = lower.split(',').map(option => option.trim())
  const has = (option: string): boolean => options.includes(option)
  return {
    keepAlive: !has('close') && (minor === 1 || has('keep-alive')),
    upgrade: has('upgrade'),
    named: options.filter(
      option =>
        option !== '' && option !== 'close' && option !== 'keep-alive' && mayBeNamedAway(option),
    ),
  }
}
