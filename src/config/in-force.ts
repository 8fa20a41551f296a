/** Flags and what they are set to, as an operator would write it: for whoever is told why something was refused. */
import { parse } from 'yaml'
import type { Config } from './config.ts'
import { flagNames } from './flags.ts'
import { configToYaml } from './yaml.ts'

type Values = Readonly<Record<string, unknown>>

/** Where it is asked: what is set for one route, pool or listener holds there. */
export interface Place {
  /** Index into the listeners; -1 for none. */
  readonly listener: number
  /** Index into the routes; -1 for none. */
  readonly route: number
}

export class InForce {
  readonly #config: Config
  readonly #whole: Values
  /** By route: they are asked for rarely, and mostly the same. */
  readonly #routes = new Map<number, Values>()

  constructor(config: Config) {
    this.#config = config
    this.#whole = parse(configToYaml(config)) as Values
  }

  /** @returns the flags' names and values; those that are no flags are left out */
  values(names: readonly string[], place: Place): [flag: string, value: string][] {
    return names
      .filter(name => (flagNames as readonly string[]).includes(name))
      .map(name => [name, this.#value(name, place)])
  }

  #value(name: string, { listener, route }: Place): string {
    const listeners = this.#whole['listeners'] as readonly Values[] | undefined
    const sections = [this.#route(route), this.#pool(listener, route), listeners?.[listener]]
    for (const section of [...sections, this.#whole]) {
      const value = section?.[name]
      if (value !== undefined) return textOf(value)
    }
    return 'off'
  }

  /** The flags of the last route are what is set for all of them: so one route alone says its own. */
  #route(index: number): Values | undefined {
    const route = this.#config.routes[index]
    if (route === undefined) return undefined
    let values = this.#routes.get(index)
    if (values === undefined) {
      const alone = { ...this.#config, listeners: [], routes: [{ ...route, shared: false }] }
      values = parse(configToYaml(alone)) as Values
      this.#routes.set(index, values)
    }
    return values
  }

  #pool(listener: number, route: number): Values | undefined {
    const { routes, listeners, pools } = this.#config
    const index = routes[route]?.pool ?? listeners[listener]?.pool ?? -1
    const name = pools[index]?.name
    return name === undefined ? undefined : (this.#whole['pools'] as Record<string, Values>)[name]
  }
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(String).join(', ')
  if (value === '' || value === null) return 'none'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
