/** Whether the clients of a listener are asked for a certificate. */
import type { ClientCertificateConfig, ListenerMode } from '../config.ts'
import { terminatesTls } from '../config.ts'
import type { Problem } from '../flag.ts'
import type { Settings } from '../flags.ts'

/**
 * @param isOwn whether the section of the listener itself has `client-ca`
 * @returns null asks for none
 */
export function resolveClientCertificates(
  own: Settings,
  mode: ListenerMode,
  isOwn: boolean,
  where: (key: string) => string,
  problems: Problem[],
): ClientCertificateConfig | null {
  const ca = own['client-ca']!
  const crl = own['client-crl']!
  if (ca === '') {
    if (crl !== '') {
      const message = 'is of no use without --client-ca'
      problems.push({ where: where('client-crl'), message, absent: true })
    }
    return null
  }
  if (!terminatesTls(mode)) {
    // Of the whole process, it is meant for the listeners that can ask.
    if (isOwn) {
      const message = 'client certificates are for tls:// and https:// listeners'
      problems.push({ where: where('client-ca'), message })
    }
    return null
  }
  return { ca, crl, isRequired: own['client-cert'] === 'required' }
}
