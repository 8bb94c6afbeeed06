import { HostError } from './host-error.ts'

/**
 * What `attempt` answers, or `undefined` if there is no such file.
 *
 * @param path the file, as the node knows it
 * @throws {HostError} `ERR_HOST_READ` for every other failure of the system
 */
export async function orAbsent<T>(path: string, attempt: Promise<T>): Promise<T | undefined> {
  try {
    return await attempt
  } catch (cause) {
    const code = systemCode(cause)
    if (code === undefined) throw cause
    if (absent.has(code)) return undefined
    const forbidden = forbidding.has(code)
    const remedy = forbidden ? '; run as a user that may, such as root' : ''
    const detail = `cannot be read (${code})${remedy}`
    throw new HostError('ERR_HOST_READ', path, detail, { cause, forbidden })
  }
}

/** ENXIO and ENODEV: a device node without its device, as `/dev/cpu/0/cpuid` of a CPU that has none. */
const absent = new Set(['ENOENT', 'ENOTDIR', 'ENXIO', 'ENODEV'])
const forbidding = new Set(['EACCES', 'EPERM'])

function systemCode(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && 'syscall' in cause
    ? String(cause.code)
    : undefined
}
