import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AesmError, type QuotingBackend, serveAesm } from '@alcove/aesm'
import { readSgx, simulatedHost } from '@alcove/host'
import { aborted, ConfigError, type Environment, type Log } from '@alcove/process'
import { SimulatedQuoting, SimulatorError } from '@alcove/simulator/client'
import { aesmEventLog } from './event-log.ts'
import { readSettings } from './settings.ts'

/** Where the simulated platform's socket is below a simulated root. */
const PLATFORM_SOCKET = 'run/alcove-simulator/platform.socket'

/**
 * The quote helper's process: listens first, so that early programs wait instead of failing, then answers with quotes of
 * the platform's quoting enclave until `stop` aborts.
 *
 * @throws {ConfigError} {@link AesmSocketError} when it cannot start
 */
export async function runQuoteHelper(deps: {
  environment: Environment
  log: Log
  stop: AbortSignal
}): Promise<void> {
  const { log, stop } = deps
  const { socketPath, simulatedRoot } = readSettings(deps.environment)
  await using quoting = new SimulatedQuoting({
    path: join(simulatedRoot, PLATFORM_SOCKET),
    token: await provisionToken(simulatedRoot),
  })
  await mkdir(dirname(socketPath), { recursive: true, mode: 0o755 })
  await using _server = await serveAesm({
    path: socketPath,
    backend: answeringAesmErrors(quoting),
    onEvent: aesmEventLog(log, () => performance.now()),
  })
  log.info('serving', { socket: socketPath, simulated: true })
  await aborted(stop)
}

/** Whoever may read the provisioning device may use the quoting enclaves. */
async function provisionToken(root: string): Promise<string> {
  const { provisionDevice } = await readSgx(await simulatedHost(root))
  if (provisionDevice === undefined) {
    throw new ConfigError([`QUOTE_HELPER_SIMULATED_ROOT: ${root} has no provision device`])
  }
  return readFile(join(root, provisionDevice.path), 'utf8')
}

/** The platform's refusals, as the AESM numbers that programs are answered. */
function answeringAesmErrors(quoting: QuotingBackend): QuotingBackend {
  const translated = <T>(answer: Promise<T>): Promise<T> =>
    answer.catch((cause: unknown) => {
      if (!(cause instanceof SimulatorError)) throw cause
      throw new AesmError(cause.aesmCode, cause.message, { cause })
    })
  return {
    init: signal => translated(quoting.init(signal)),
    quoteSize: signal => translated(quoting.quoteSize(signal)),
    quote: (request, signal) => translated(quoting.quote(request, signal)),
  }
}
