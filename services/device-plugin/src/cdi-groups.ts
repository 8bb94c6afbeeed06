import type { FileAccess } from '@alcove/host'
import type { Log } from '@alcove/process'
import { keepCdiFile } from './cdi-file.ts'
import { CDI_KIND, type DeviceGroups } from './cdi-spec.ts'
import type { Role } from './container-devices.ts'
import { deviceGroup } from './device-group.ts'
import { isOffer, type NodeOffer } from './node-offer.ts'
import { addsGroups, type NodeInfo } from './runtime-groups.ts'
import type { CdiSettings } from './settings.ts'

export interface CdiGroupsDeps {
  readonly settings: Pick<CdiSettings, 'mode' | 'directory'>
  /**
   * Who runs this node's containers; asked at most once, and only where a device is reserved for a group. `undefined` where
   * there is nobody to ask.
   */
  readonly askRuntime: () => Promise<NodeInfo | undefined>
  readonly log: Log
  /** How long an Allocate call waits for that answer; 3,000 by default. */
  readonly waitMs?: number
}

const WAIT_MS = 3_000

/** Containers in the groups of their devices, by CDI: keeps the spec that says so, and names its devices to the kubelet. */
export class CdiGroups {
  readonly #deps: CdiGroupsDeps
  readonly #told = new Set<string>()
  /** The spec that the runtime sees has these groups. */
  #kept: DeviceGroups = {}
  #support: Promise<boolean> | undefined

  constructor(deps: CdiGroupsDeps) {
    this.#deps = deps
  }

  /** Has the spec follow the node: after every look, since others may remove the file, and a group may change. */
  async follow(offer: NodeOffer): Promise<void> {
    const { settings, log } = this.#deps
    if (settings.mode === 'off' || !isOffer(offer)) return
    const groups = groupsOf({ enclave: offer.enclaveDevice, provision: offer.provisionDevice })
    if (Object.keys(groups).length === 0) return
    if (settings.mode === 'auto') this.#support ??= this.#ask()
    const { directory } = settings
    try {
      const written = await keepCdiFile(directory, groups)
      this.#kept = groups
      if (written) log.info('cdi spec written', { directory, groups })
    } catch (error) {
      this.#kept = {}
      const reason = error instanceof Error ? error.message : String(error)
      this.#tellOnce('cdi spec not written', { reason, groups, remedy: REMEDY_DIRECTORY })
    }
  }

  /** The CDI devices to name in Allocate's answer: one, where the device's group is in the spec and the runtime adds it. */
  async namesFor(role: Role, access: FileAccess): Promise<readonly string[]> {
    const group = deviceGroup(access)
    if (group === undefined || this.#kept[role] !== group) return []
    const usable = this.#deps.settings.mode === 'on' || (await this.#supported())
    return usable ? [`${CDI_KIND}=${role}`] : []
  }

  /** Whether the runtime is known, in time, to add groups. */
  async #supported(): Promise<boolean> {
    const waited = Symbol('waited')
    const { promise, resolve } = Promise.withResolvers<typeof waited>()
    const timer = setTimeout(() => resolve(waited), this.#deps.waitMs ?? WAIT_MS)
    const answer = await Promise.race([this.#support ?? false, promise])
    clearTimeout(timer)
    if (answer !== waited) return answer
    const reason = 'the API server has not said yet which container runtime this node has'
    this.#tellOnce('no groups for containers', { reason, remedy: REMEDY_ON })
    return false
  }

  async #ask(): Promise<boolean> {
    const info = await this.#deps.askRuntime()
    if (info !== undefined && addsGroups(info)) return true
    const reason =
      info === undefined
        ? 'nobody to ask which container runtime this node has'
        : `${info.containerRuntimeVersion} with kubelet ${info.kubeletVersion} is not known to add groups`
    this.#tellOnce('no groups for containers', { reason, remedy: REMEDY_ON })
    return false
  }

  #tellOnce(event: string, fields: Readonly<Record<string, unknown>>): void {
    const key = event + String(fields['reason'])
    if (this.#told.has(key)) return
    this.#told.add(key)
    this.#deps.log.warn(event, fields)
  }
}

function groupsOf(devices: Readonly<Record<Role, FileAccess>>): DeviceGroups {
  const groups: DeviceGroups = {}
  for (const role of ['enclave', 'provision'] as const) {
    const group = deviceGroup(devices[role])
    if (group !== undefined) groups[role] = group
  }
  return groups
}

const REMEDY_ON =
  'set DEVICE_PLUGIN_CDI=on where the runtime has CDI 0.7 switched on; or give pods that are not root the device’s group in supplementalGroups'
const REMEDY_DIRECTORY =
  'mount the node’s /var/run/cdi there, writable; or give pods that are not root the device’s group in supplementalGroups'
