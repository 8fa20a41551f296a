/** The PROXY header a backend gets, `--send-proxy`: who the client is, and what is known of its TLS. */
import { type ProxyAddresses, writeV1, writeV2 } from '../codec/proxy-protocol-writer.ts'
import type { SendProxy } from '../config/config.ts'
import type { TcpSession } from './tcp-session.ts'

/** @returns null where none is to be sent */
export function proxyHeaderFor(session: TcpSession, version: SendProxy): Buffer | null {
  if (version === 'off') return null
  const addresses = addressesOf(session)
  if (version === 'v1') return writeV1(addresses)
  const { handshake, serverName } = session
  if (handshake === null) {
    return writeV2(
      addresses,
      serverName === '' ? null : { serverName, alpn: '', version: '', cipher: '' },
    )
  }
  const { alpn, version: tlsVersion, cipher } = handshake
  return writeV2(addresses, { serverName, alpn, version: tlsVersion, cipher })
}

function addressesOf({
  address,
  port,
  destination,
  destinationPort,
  socket,
}: TcpSession): ProxyAddresses {
  const told = destination !== ''
  return {
    source: address,
    sourcePort: port,
    destination: told ? destination : (socket.localAddress ?? ''),
    destinationPort: told ? destinationPort : (socket.localPort ?? 0),
  }
}
