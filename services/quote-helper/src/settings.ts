import { type Environment, SettingsReader } from '@alcove/process'

/** Settings of the quote helper, read once from its environment. */
export interface QuoteHelperSettings {
  /** Where enclave programs look for AESM; its directory is what pods mount. */
  readonly socketPath: string
  /**
   * An embedded node's root, whose platform makes the quotes; `undefined` on a cluster, where the device plugin gave this
   * container its devices and the simulated platform's directories.
   */
  readonly simulatedRoot: string | undefined
}

/** @throws {ConfigError} naming every wrong setting at once, unknown `QUOTE_HELPER_*` included. */
export function readSettings(environment: Environment): QuoteHelperSettings {
  const reader = new SettingsReader(environment, 'QUOTE_HELPER_')
  const socketPath = reader.string('SOCKET', '/var/run/aesmd/aesm.socket')
  const platform = reader.optional('PLATFORM')
  const simulatedRoot = reader.optional('SIMULATED_ROOT')
  if (platform !== undefined && platform !== 'simulated') {
    reader.problem('PLATFORM', `want simulated, got '${platform}': ${ONLY_SIMULATED}`)
  } else if (platform === undefined && simulatedRoot === undefined) {
    reader.problem('PLATFORM', `required, simulated: ${ONLY_SIMULATED}`)
  } else if (platform !== undefined && simulatedRoot !== undefined) {
    reader.problem(
      'SIMULATED_ROOT',
      'leave it out on a cluster, or leave QUOTE_HELPER_PLATFORM out',
    )
  }
  reader.end()
  return { socketPath, simulatedRoot }
}

const ONLY_SIMULATED = 'this version makes quotes on a simulated platform only'
