/** URLs of servers that weir itself asks: https, and http to this host alone. */
import { isIP } from 'node:net'

/** @returns why it will not do, as the rest of a sentence that begins with it; '' if it will */
export function whyNoWebUrl(text: string): string {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    return 'is no https:// URL'
  }
  if (url.username !== '' || url.password !== '') return 'holds a user or password'
  if (url.hash !== '') return 'has a fragment'
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    return 'is not encrypted; http:// is for addresses of this host alone, write https://'
  }
  return ''
}

function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '[::1]') return true
  return isIP(host) === 4 && host.startsWith('127.')
}
