/** What all http and https listeners have in common. */
import type { HttpConfig } from '../config.ts'
import { readErrorPages } from '../error-pages.ts'
import type { Problem } from '../flag.ts'
import type { Settings } from '../flags.ts'

export function resolveHttp(settings: Settings, problems: Problem[]): HttpConfig {
  return {
    headTimeoutMs: settings['head-timeout']!,
    bodyRateMin: settings['body-rate-min']!,
    writeTimeoutMs: settings['write-timeout']!,
    writeRateMin: settings['write-rate-min']!,
    halfCloseMs: settings['half-close-timeout']!,
    keepAliveTimeoutMs: settings['keep-alive-timeout']!,
    requestsPerConnection: settings['requests-per-connection']!,
    errorPages: readErrorPages(settings['error-page'] ?? [], problems),
    rateLimitFields: settings['rate-limit-fields'] as HttpConfig['rateLimitFields'],
    encodedSlash: settings['encoded-slash'] as HttpConfig['encodedSlash'],
    forwardedRead: settings['forwarded-read'] as HttpConfig['forwardedRead'],
    forwardedFields: settings['forwarded-fields'] as HttpConfig['forwardedFields'],
    traceparent: settings.traceparent as HttpConfig['traceparent'],
    stickySecret: settings['sticky-secret']!,
  }
}
