/** The PROXY header a backend gets, `--send-proxy`: who the client is, and what is known of its TLS. */
import { writeV1, writeV2 } from '../codec/proxy-protocol.ts'
import type { SendProxy } from '../config/config.ts'
import type { TcpSession } from './tcp-session.ts'

/** @returns null where none is to be sent */
export function proxyHeaderFor(session: TcpSession, version: SendProxy): Buffer | null {
  if (version === 'off') return null
  const { address, port, handshake, serverName, socket } = session
  const told = session.destination !== ''
  const destination = told ? session.destination : (socket.localAddress ?? '')
  const destinationPort = told ? session.destinationPort : (socket.localPort ?? 0)
  if (version === 'v1') return writeV1(address, port, destination, destinationPort)
  return writeV2(
    {
      source: address,
      sourcePort: port,
      destination,
      destinationPort,
    },
    {
      ...(serverName === '' ? {} : { authority: serverName }),
      ...(handshake === null || handshake.alpn === '' ? {} : { alpn: handshake.alpn }),
      ...(handshake === null ? {} : { tlsVersion: handshake.version, cipher: handshake.cipher }),
    },
  )
}
