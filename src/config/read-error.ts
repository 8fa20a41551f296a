/** Why a file could not be read, as the rest of a sentence that begins with its path. */
export function explainRead(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'does not exist'
  if (code === 'EACCES') return 'may not be read by this user'
  return `cannot be read: ${message}`
}
