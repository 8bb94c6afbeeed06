import { serveStandInControl, startStandInKubelet } from '@alcove/kubelet'
import { aborted, type Log } from '@alcove/process'

export interface StandInKubeletOptions {
  readonly directory: string
  readonly control: string
  readonly programs: string
}

/**
 * A real kubelet admits its first pod 843 ms after its registration socket is there (median). Here plugins are back
 * within a tenth of that, and nobody wants to wait.
 */
const ADMIT_FROM_MS = 250

/** The process that stands in for a kubelet on the embedded node: admits programs by devices and starts them. */
export async function standInKubeletCommand(
  options: StandInKubeletOptions,
  deps: { log: Log; stop: AbortSignal },
): Promise<void> {
  const { log, stop } = deps
  await using kubelet = await startStandInKubelet({
    directory: options.directory,
    behaviour: { admitFromMs: ADMIT_FROM_MS },
    onEvent: ({ event, ...fields }) => log.info(event, fields),
  })
  await using _control = await serveStandInControl({
    kubelet,
    path: options.control,
    programsDirectory: options.programs,
    onEvent: ({ event, ...fields }) => log.info(event, fields),
  })
  log.info('serving', { directory: options.directory, control: options.control })
  await aborted(stop)
}
