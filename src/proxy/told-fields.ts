/**
 * What a request says of where it comes from, where its word counts, and the lines that come of it: the
 * chain one longer, the trace one step further.
 */
import {
  FORWARDED,
  TRACEPARENT,
  TRACESTATE,
  X_FORWARDED_FOR,
  X_FORWARDED_HOST,
  X_FORWARDED_PROTO,
} from '../codec/http1/field-names.ts'
import { forNode, type Origin } from './origin.ts'
import type { RequestClient } from './request-client.ts'
import { beginTrace, continueTrace } from './trace-context.ts'

export class ToldFields {
  /** There is a `traceparent` or a `tracestate`. */
  hasTrace = false
  /** There is anything. */
  isTold = false
  #for = ''
  #forwarded = ''
  #proto = ''
  #host = ''
  #parent = ''
  #parents = 0
  #state = ''
  #passesXForwarded = true

  /** @param passesXForwarded whether X-Forwarded-Proto and -Host go on as they came */
  reset(passesXForwarded: boolean): void {
    this.#passesXForwarded = passesXForwarded
    this.hasTrace = false
    this.isTold = false
    this.#for = ''
    this.#forwarded = ''
    this.#proto = ''
    this.#host = ''
    this.#parent = ''
    this.#parents = 0
    this.#state = ''
  }

  /** Several fields of one name are one list. @returns whether the line goes on as it is */
  take(number: number, value: string): boolean {
    this.isTold = true
    switch (number) {
      case X_FORWARDED_FOR:
        this.#for = joined(this.#for, value)
        return false
      case FORWARDED:
        this.#forwarded = joined(this.#forwarded, value)
        return false
      case X_FORWARDED_PROTO:
        this.#proto = joined(this.#proto, value)
        return this.#passesXForwarded
      case X_FORWARDED_HOST:
        this.#host = joined(this.#host, value)
        return this.#passesXForwarded
      case TRACEPARENT:
        this.hasTrace = true
        this.#parent = value
        this.#parents++
        return false
      case TRACESTATE:
        this.hasTrace = true
        this.#state = joined(this.#state, value)
        return false
      default:
        return true
    }
  }

  /**
   * The lines on a client that a trusted peer speaks for. Who sends one of the two forms only is
   * translated for the other: a backend reads the same client from both.
   */
  originLines(origin: Origin, client: RequestClient, host: string): string {
    const { address, proto, forwarding } = origin
    let lines = ''
    if (forwarding.sendsXForwarded) {
      const chain = this.#for === '' && client.isNamed ? client.address : this.#for
      lines += `X-Forwarded-For: ${joined(chain, address)}\r\n`
      if (this.#proto === '') lines += `X-Forwarded-Proto: ${proto}\r\n`
      if (this.#host === '' && host !== '') lines += `X-Forwarded-Host: ${host}\r\n`
    }
    if (forwarding.sendsForwarded) {
      const chain = this.#forwarded === '' && client.isNamed ? this.#named(client) : this.#forwarded
      lines += `Forwarded: ${joined(chain, origin.element(host))}\r\n`
    }
    return lines
  }

  #named({ address }: RequestClient): string {
    const known = this.#proto === 'https' || this.#proto === 'http'
    return known ? `${forNode(address)};proto=${this.#proto}` : forNode(address)
  }

  /** The trace goes on if it has one valid parent; what vendors say of another trace is dropped. */
  traceLines(): string {
    const parent = this.#parents === 1 ? continueTrace(this.#parent) : ''
    if (parent === '') return `traceparent: ${beginTrace()}\r\n`
    const line = `traceparent: ${parent}\r\n`
    return this.#state === '' ? line : `${line}tracestate: ${this.#state}\r\n`
  }
}

function joined(list: string, value: string): string {
  return list === '' ? value : value === '' ? list : `${list}, ${value}`
}
