import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { mergeAllocations } from '../allocation.ts'
import { reasonOf } from '../kubelet-error.ts'
import { admit } from './admission.ts'
import type { RunEvent, RunRequest, StandInStatus } from './control-protocol.ts'
import { type ProgramExit, runProgram } from './runner.ts'
import type { StandInKubelet } from './standin-kubelet.ts'

export type ProgramEvent =
  | {
      readonly event: 'program-started'
      readonly id: string
      readonly name: string
      readonly pid: number
      readonly limits: Readonly<Record<string, number>>
    }
  | ({ readonly event: 'program-ended'; readonly id: string; readonly name: string } & ProgramExit)
  | { readonly event: 'program-refused'; readonly name: string; readonly reason: string }

type Program = StandInStatus['programs'][number]

/** The programs that run on the node, each with the devices of its limits. */
export class Programs {
  readonly #running = new Map<string, Program>()
  readonly #deps: {
    readonly kubelet: StandInKubelet
    readonly directory: string
    readonly onEvent: (event: ProgramEvent) => void
  }

  constructor(deps: {
    kubelet: StandInKubelet
    directory: string
    onEvent: (event: ProgramEvent) => void
  }) {
    this.#deps = deps
  }

  list(): readonly Program[] {
    return [...this.#running.values()]
  }

  /**
   * Admits a program, runs it to its end and gives its devices back; `send` gets its events, `exit` after the devices are free.
   *
   * @throws {KubeletError} if it is not admitted or cannot be started
   */
  async run(
    request: RunRequest,
    send: (event: RunEvent) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { name } = request
    try {
      const exit = await this.#admitAndRun(request, send, signal)
      await send({ event: 'exit', ...exit })
    } catch (error) {
      this.#deps.onEvent({ event: 'program-refused', name, reason: reasonOf(error) })
      throw error
    }
  }

  async #admitAndRun(
    { name, limits, command, cwd, env }: RunRequest,
    send: (event: RunEvent) => Promise<void>,
    signal: AbortSignal,
  ): Promise<ProgramExit> {
    const { kubelet, directory, onEvent } = this.#deps
    const { allocations, release } = await admit(kubelet, limits, { signal })
    const { devices, mounts } = mergeAllocations(allocations)
    const id = randomBytes(3).toString('hex')
    try {
      await send({
        event: 'admitted',
        id,
        resources: Object.keys(limits).map(resource => kubelet.resource(resource)),
        devices,
        mounts,
      })
      const exit = await runProgram({
        allocations,
        directory: join(directory, id),
        command,
        cwd,
        env,
        signal,
        onOutput: (stream, text) => send({ event: stream, text }),
        onStart: pid => {
          this.#running.set(id, { id, name, pid, limits })
          onEvent({ event: 'program-started', id, name, pid, limits })
        },
      })
      onEvent({ event: 'program-ended', id, name, ...exit })
      return exit
    } finally {
      this.#running.delete(id)
      release()
    }
  }
}
