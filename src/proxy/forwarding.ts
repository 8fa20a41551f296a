/**
 * What becomes of each field of a request on its way to a backend, by the number of its name: looked up
 * once per field, made once per worker from `--forwarded-read`, `--forwarded-fields` and `--traceparent`.
 */
import {
  EXPECT,
  FIELD_NUMBERS,
  FORWARDED,
  HOST,
  isHopByHop,
  isIdentity,
  PROXY,
  REFERER,
  TRACEPARENT,
  TRACESTATE,
  X_FORWARDED_FOR,
  X_FORWARDED_HOST,
  X_FORWARDED_OTHER,
  X_FORWARDED_PROTO,
  X_REAL_IP,
  X_REQUEST_ID,
} from '../codec/http1/field-names.ts'
import type { HttpConfig } from '../config/config.ts'

/** Treatments of a field. */
export const PASS = 0
export const DROP = 1
/** The writer has a look at it. */
export const LOOK = 2

/** By number of the name. */
export type Treatments = Uint8Array

export type ForwardingOptions = Pick<
  HttpConfig,
  'forwardedRead' | 'forwardedFields' | 'traceparent'
>

export class Forwarding {
  /** Of trusted peers. */
  readonly readsXForwarded: boolean
  readonly readsForwarded: boolean
  readonly sendsXForwarded: boolean
  readonly sendsForwarded: boolean
  /** `traceparent` is weir's to write. */
  readonly traces: boolean
  /** Parameter of the query that holds a credential, which a `Referer` may repeat; '' for none. */
  readonly hiddenParameter: string
  /** Of a peer whose word on the client does not count. */
  readonly untrusted: Treatments
  readonly trusted: Treatments
  /** Of a trusted peer whose word on the client cannot be used. */
  readonly doubtful: Treatments

  constructor(
    { forwardedRead, forwardedFields, traceparent }: ForwardingOptions,
    hiddenParameter = '',
  ) {
    this.hiddenParameter = hiddenParameter
    this.readsXForwarded = forwardedRead !== 'forwarded'
    this.readsForwarded = forwardedRead !== 'x-forwarded'
    this.sendsXForwarded = forwardedFields !== 'forwarded'
    this.sendsForwarded = forwardedFields !== 'x-forwarded'
    this.traces = traceparent !== 'off'
    this.untrusted = this.#treatments(traceparent === 'continue')
    this.trusted = this.#treatments(traceparent !== 'off')
    const { trusted } = this
    if (this.readsForwarded) trusted[FORWARDED] = LOOK
    if (this.readsXForwarded) {
      trusted[X_FORWARDED_OTHER] = PASS
      trusted[X_REAL_IP] = PASS
      for (const number of [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST]) {
        trusted[number] = LOOK
      }
    }
    this.doubtful = trusted.slice()
    for (const number of [X_FORWARDED_FOR, FORWARDED, X_REAL_IP]) this.doubtful[number] = DROP
  }

  /** As for a peer that is not trusted, but for its trace. */
  #treatments(continuesTrace: boolean): Treatments {
    const treatments = new Uint8Array(FIELD_NUMBERS)
    for (let number = 0; number < FIELD_NUMBERS; number++) {
      if (isHopByHop(number) || isIdentity(number)) treatments[number] = DROP
    }
    treatments[HOST] = DROP
    treatments[PROXY] = DROP
    treatments[FORWARDED] = DROP
    treatments[X_FORWARDED_FOR] = DROP
    treatments[X_FORWARDED_PROTO] = DROP
    treatments[X_FORWARDED_HOST] = DROP
    treatments[X_FORWARDED_OTHER] = DROP
    treatments[X_REAL_IP] = DROP
    treatments[X_REQUEST_ID] = DROP
    treatments[EXPECT] = LOOK
    if (this.hiddenParameter !== '') treatments[REFERER] = LOOK
    const trace = !this.traces ? PASS : continuesTrace ? LOOK : DROP
    treatments[TRACEPARENT] = trace
    treatments[TRACESTATE] = trace
    return treatments
  }
}
