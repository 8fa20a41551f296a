/** Whether bans go to the kernel, and through whom. */
import { isTableName, PORTS_MAX } from '../../kernel/ban-protocol.ts'
import type { KernelBansConfig, ListenerConfig } from '../config.ts'
import type { Problem } from '../flag.ts'
import type { Settings } from '../flags.ts'

/** Of a Unix socket: what sun_path has room for. */
const PATH_MAX = 107

export function resolveKernelBans(
  settings: Settings,
  listeners: readonly ListenerConfig[],
  problems: Problem[],
): KernelBansConfig {
  const how = settings['kernel-bans'] as KernelBansConfig['how']
  const socket = settings['kernel-bans-socket']!
  const table = settings['kernel-bans-table']!
  if (!socket.startsWith('/') || Buffer.byteLength(socket) > PATH_MAX) {
    problems.push({
      where: '--kernel-bans-socket',
      message: `${JSON.stringify(socket)} cannot be a socket; write a path from / on, of ${PATH_MAX} bytes at most`,
    })
  }
  if (!isTableName(table)) {
    problems.push({
      where: '--kernel-bans-table',
      message: `${JSON.stringify(table)} cannot be a table; write a letter, and up to 31 letters, digits and _`,
    })
  }
  if (how !== 'off' && listeners.length > PORTS_MAX) {
    problems.push({
      where: '--kernel-bans',
      message: `${listeners.length} listeners are too many for it; have ${PORTS_MAX} at most`,
    })
  }
  return { how, socket, table }
}
