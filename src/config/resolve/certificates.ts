/** Pairs of `--cert` and `--key`. */
import { type Config, type ListenerConfig, terminatesTls } from '../config.ts'
import type { Problem } from '../flag.ts'
import type { Settings } from '../flags.ts'

export function resolveCertificates(
  settings: Settings,
  listeners: readonly ListenerConfig[],
  problems: Problem[],
): Config['tls']['certificates'] {
  const certs = settings.cert ?? []
  const keys = settings.key ?? []
  if (certs.length === 0 && listeners.some(({ mode }) => terminatesTls(mode))) {
    problems.push({
      where: '--cert',
      message:
        'a tls:// or https:// listener needs a certificate; give --cert and --key (weir cert ca makes one for development)',
      absent: true,
    })
  }
  // Without any --key the certificate files hold their keys as well.
  if (keys.length > 0 && keys.length !== certs.length) {
    problems.push({
      where: '--key',
      message: `${certs.length} --cert and ${keys.length} --key are given; each certificate needs its key, in the same order`,
    })
  }
  return certs.map((cert, i) => ({ cert, key: keys[i] ?? cert }))
}
