/** What all http and https listeners have in common. */
import type { HttpConfig } from '../config.ts'
import type { Settings } from '../flags.ts'

export function resolveHttp(settings: Settings): HttpConfig {
  return {
    headTimeoutMs: settings['head-timeout']!,
    bodyRateMin: settings['body-rate-min']!,
    writeTimeoutMs: settings['write-timeout']!,
    writeRateMin: settings['write-rate-min']!,
    halfCloseMs: settings['half-close-timeout']!,
    keepAliveTimeoutMs: settings['keep-alive-timeout']!,
    requestsPerConnection: settings['requests-per-connection']!,
    errorPages: [],
    encodedSlash: settings['encoded-slash'] as HttpConfig['encodedSlash'],
    forwardedFields: settings['forwarded-fields'] as HttpConfig['forwardedFields'],
    traceparent: settings.traceparent as HttpConfig['traceparent'],
    stickySecret: settings['sticky-secret']!,
  }
}
