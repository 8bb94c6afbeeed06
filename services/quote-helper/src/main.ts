import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AesmError, type AesmEvent, type QuotingBackend, serveAesm } from '@alcove/aesm'
import { aborted, type Environment, errorFields, type Log } from '@alcove/process'
import { SimulatedQuoting, SimulatorError } from '@alcove/simulator/client'
import { readSettings } from './settings.ts'

/** Where the simulated platform's socket, and the device whose token opens its quoting enclaves, are below a root. */
const PLATFORM_SOCKET = 'run/alcove-simulator/platform.socket'
const PROVISION_DEVICE = 'dev/sgx_provision'

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
    token: await readFile(join(simulatedRoot, PROVISION_DEVICE), 'utf8'),
  })
  await mkdir(dirname(socketPath), { recursive: true, mode: 0o755 })
  await using _server = await serveAesm({
    path: socketPath,
    backend: answeringAesmErrors(quoting),
    onEvent: event => logEvent(log, event),
  })
  log.info('serving', { socket: socketPath, simulated: true })
  await aborted(stop)
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

/** Requests are logged by their answer; an answer with an error, and a connection without one, are warnings. */
function logEvent(log: Log, event: AesmEvent): void {
  const { kind, ...fields } = event
  switch (event.kind) {
    case 'request':
      break
    case 'answered':
      if (event.errorCode === 0) log.info(kind, fields)
      else log.warn(kind, fields)
      break
    case 'recovered':
      log.info(kind, fields)
      break
    case 'unanswered':
      log.warn(kind, fields)
      break
    case 'backend-failed':
    case 'server-failed':
      log.error(kind, { ...fields, error: errorFields(event.error) })
  }
}
