import { type Environment, SettingsReader } from '@alcove/process'

/** Settings of the quote helper, read once from its environment. */
export interface QuoteHelperSettings {
  /** Where enclave programs look for AESM; its directory is what pods mount. */
  readonly socketPath: string
  /** A simulated node's root, whose platform makes the quotes. */
  readonly simulatedRoot: string
}

/** @throws {ConfigError} naming every wrong setting at once, unknown `QUOTE_HELPER_*` included. */
export function readSettings(environment: Environment): QuoteHelperSettings {
  const reader = new SettingsReader(environment, 'QUOTE_HELPER_')
  const socketPath = reader.string('SOCKET', '/var/run/aesmd/aesm.socket')
  const simulatedRoot = reader.optional('SIMULATED_ROOT')
  if (simulatedRoot === undefined) {
    reader.problem(
      'SIMULATED_ROOT',
      'required: this version makes quotes on a simulated platform only',
    )
  }
  reader.end()
  return { socketPath, simulatedRoot: simulatedRoot ?? '' }
}
