/** What is counted of an exchange: plain stores into the slice of this worker, no objects in between. */
import { type FaultName, faultNumber, faults } from '../core/faults.ts'
import type { RefusalName } from '../core/refusals.ts'
import { counterRows, labelValues, observe } from '../shared/counters.ts'
import type { Edge } from './edge.ts'
import type { Exchange } from './exchange.ts'
import type { Http1Session } from './http1-session.ts'

const READ = labelValues.method.indexOf('read')
const WRITE = labelValues.method.indexOf('write')
const OTHER = labelValues.method.indexOf('other')
const METHODS = labelValues.method.length
const STATUSES = labelValues.status.length
const FAULTS = faults.length
const { buckets } = counterRows.requestSeconds
/** Words of one histogram; all of them have the same buckets. */
const HISTOGRAM = buckets.length + 2

/** An exchange that ended. @param nowMs the time, as `performance.now()` tells it */
export function countExchange(session: Http1Session, exchange: Exchange, nowMs: number): void {
  const { slice, at } = session.edge
  const route = exchange.route.index
  const method = methodClass(exchange.head.method)
  slice[at.requests + (route * METHODS + method) * STATUSES + statusClass(exchange.status)]!++
  const seconds = (nowMs - exchange.startedMs) / 1000
  observe(slice, at.requestSeconds + route * HISTOGRAM, buckets, seconds)
  slice[at.requestBytes + route]! += exchange.bytesReceived
  slice[at.responseBytes + route]! += exchange.bytesSent
  if (session.requests > 1) slice[at.clientReuses + session.client.entrance.index]!++
  if (exchange.queuedMs !== 0) {
    observe(slice, at.requestQueueSeconds + route * HISTOGRAM, buckets, exchange.queuedMs / 1000)
  }
  session.edge.notes.exchange(session, exchange, nowMs)
  if (exchange.reason === '') return
  const fault = faultNumber(exchange.reason)
  if (fault !== -1) slice[at.requestFaults + route * FAULTS + fault]!++
}

/** A request whose head could not be read: of no method, and of the route that takes what no other does. */
export function countUnread(
  session: Http1Session,
  status: number,
  reason: RefusalName,
  requestId: string,
): void {
  const { edge, routes } = session
  const { slice, at } = edge
  edge.notes.unread(session, status, reason, requestId)
  const route = routes.last.index
  slice[at.requests + (route * METHODS + OTHER) * STATUSES + statusClass(status)]!++
}

/** The head of a response. @param ms since the request was sent */
export function countResponse({ slice, at }: Edge, backend: number, ms: number): void {
  observe(slice, at.backendSeconds + backend * HISTOGRAM, buckets, ms / 1000)
}

/** RFC 9110 §9.2: what only asks, what changes something, and what is neither in its list. */
function methodClass(method: string): number {
  switch (method) {
    case 'GET':
    case 'HEAD':
    case 'OPTIONS':
      return READ
    case 'POST':
    case 'PUT':
    case 'PATCH':
    case 'DELETE':
      return WRITE
    default:
      return OTHER
  }
}

/** @param status 100 to 599, or 0 for none */
function statusClass(status: number): number {
  return (status / 100) | 0
}

/** Why a client that went away did so. */
export function leftBecause({ client }: Http1Session): FaultName {
  const { ending } = client
  return ending === 'drained' || ending === 'evicted' ? ending : 'client-gone'
}
