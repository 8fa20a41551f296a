/** When weir is short of something. */
import type { OverloadConfig } from '../config.ts'
import type { Settings } from '../flags.ts'

export function resolveOverload(settings: Settings): OverloadConfig {
  return {
    isOn: settings.overload!,
    memory: settings['overload-memory']! / 100,
    memoryMax: settings['overload-memory-max']!,
    descriptors: settings['overload-descriptors']! / 100,
    connections: settings['overload-connections']! / 100,
    loopDelayMs: settings['overload-loop-delay']!,
  }
}
