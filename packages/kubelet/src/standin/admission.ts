import type { ContainerAllocation } from '../device-plugin.ts'
import type { AllocateOptions, HeldDevices } from './allocator.ts'
import type { StandInKubelet } from './standin-kubelet.ts'

/** What a program holds while it runs: all of its limits. */
export interface Admission {
  readonly allocations: readonly ContainerAllocation[]
  release(): void
}

/**
 * Takes devices of every resource in `limits`, or none at all.
 *
 * @throws {InsufficientError} {@link KubeletError} as `allocate` of the stand-in kubelet does
 */
export async function admit(
  kubelet: Pick<StandInKubelet, 'allocate'>,
  limits: Readonly<Record<string, number>>,
  options: AllocateOptions = {},
): Promise<Admission> {
  const held: HeldDevices[] = []
  const release = (): void => {
    for (const devices of held) devices.release()
  }
  try {
    for (const [resource, count] of Object.entries(limits)) {
      held.push(await kubelet.allocate(resource, count, options))
    }
  } catch (error) {
    release()
    throw error
  }
  return { allocations: held.map(({ allocation }) => allocation), release }
}
