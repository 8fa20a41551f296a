/** A metric of prom-client whose values lie in shared memory. */
import {
  Counter,
  Gauge,
  type Metric,
  type MetricObjectWithValues,
  type MetricValue,
} from 'prom-client'
import { type CounterName, type CounterRow, histogramWords } from '../shared/counters.ts'
import type { Shared } from '../shared/layout.ts'

type Values = readonly (readonly string[])[]

/**
 * @param values of each label of the row, in the order in which they lie in memory
 */
export function sharedMetric(
  name: CounterName,
  row: CounterRow,
  values: Values,
  shared: Shared,
): Metric {
  if (row.gauge !== undefined) return gauge(name, row, row.gauge, values, shared)
  return row.buckets === undefined
    ? counter(name, row, values, shared)
    : histogram(name, row, row.buckets, values, shared)
}

function counter(name: CounterName, row: CounterRow, values: Values, shared: Shared): Metric {
  return new Counter({
    name: row.metric,
    help: row.help,
    labelNames: [...row.labels],
    registers: [],
    collect() {
      this.reset()
      for (const [i, labels] of combinations(row, values).entries()) {
        const sum = shared.counters.sum(name, i)
        if (sum > 0 || row.sparse !== true) this.inc(labels, sum)
      }
    },
  })
}

function gauge(
  name: CounterName,
  row: CounterRow,
  over: 'sum' | 'max',
  values: Values,
  shared: Shared,
): Metric {
  return new Gauge({
    name: row.metric,
    help: row.help,
    labelNames: [...row.labels],
    registers: [],
    collect() {
      for (const [i, labels] of combinations(row, values).entries()) {
        this.set(labels, shared.counters[over](name, i))
      }
    },
  })
}

/** prom-client's own histogram wants to see each observation; this one only shows what was counted. */
function histogram(
  name: CounterName,
  row: CounterRow,
  buckets: readonly number[],
  values: Values,
  shared: Shared,
): Metric {
  const words = histogramWords(row)
  const get = (): Promise<MetricObjectWithValues<MetricValue<string>>> => {
    const rows: (MetricValue<string> & { metricName: string })[] = []
    for (const [i, labels] of combinations(row, values).entries()) {
      const at = (word: number): number => shared.counters.sum(name, i * words + word)
      let count = 0
      for (const [bucket, le] of [...buckets, '+Inf'].entries()) {
        count += at(bucket)
        rows.push({ labels: { ...labels, le }, value: count, metricName: `${row.metric}_bucket` })
      }
      rows.push({ labels, value: at(words - 1), metricName: `${row.metric}_sum` })
      rows.push({ labels, value: count, metricName: `${row.metric}_count` })
    }
    return Promise.resolve({
      name: row.metric,
      help: row.help,
      type: 'histogram',
      aggregator: 'sum',
      values: rows,
    } as unknown as MetricObjectWithValues<MetricValue<string>>)
  }
  return { name: row.metric, help: row.help, get, reset() {} } as unknown as Metric
}

/** Label sets in the order of their words: the last label changes fastest. */
export function combinations(row: CounterRow, values: Values): Record<string, string>[] {
  let sets: Record<string, string>[] = [{}]
  for (const [i, label] of row.labels.entries()) {
    sets = sets.flatMap(set => values[i]!.map(value => ({ ...set, [label]: value })))
  }
  return sets
}
