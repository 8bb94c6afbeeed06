import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AesmError, type QuotingBackend } from '@alcove/aesm'
import type { Environment, Log } from '@alcove/process'
import { SimulatedQuoting, SimulatorError } from '@alcove/simulator/client'
import { aesmEventLog, platformRefusalLog } from './event-log.ts'
import { keepServing } from './kept-socket.ts'
import { allocatedPlatform, embeddedPlatform } from './platform.ts'
import { readSettings } from './settings.ts'

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
  /** Where this container's paths start: `/` unless told. */
  root?: string
}): Promise<void> {
  const { log, stop, root = '/' } = deps
  const { socketPath, simulatedRoot } = readSettings(deps.environment)
  const platform =
    simulatedRoot === undefined ? allocatedPlatform(root) : await embeddedPlatform(simulatedRoot)
  await using quoting = new SimulatedQuoting(platform)
  await mkdir(dirname(socketPath), { recursive: true, mode: 0o755 })
  const now = () => performance.now()
  const options = {
    path: socketPath,
    backend: answeringAesmErrors(quoting, platformRefusalLog(log, now)),
    onEvent: aesmEventLog(log, now),
  }
  const onServing = () => log.info('serving', { socket: socketPath, simulated: true })
  await keepServing(options, { log, stop, onServing })
}

/** The platform's refusals, as the AESM numbers that programs are answered. */
function answeringAesmErrors(
  quoting: QuotingBackend,
  onRefused: (error: SimulatorError) => void,
): QuotingBackend {
  const translated = <T>(answer: Promise<T>): Promise<T> =>
    answer.catch((cause: unknown) => {
      if (!(cause instanceof SimulatorError)) throw cause
      onRefused(cause)
      throw new AesmError(cause.aesmCode, cause.message, { cause })
    })
  return {
    init: signal => translated(quoting.init(signal)),
    quoteSize: signal => translated(quoting.quoteSize(signal)),
    quote: (request, signal) => translated(quoting.quote(request, signal)),
  }
}
