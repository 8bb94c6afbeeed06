import { type Capability, type ConditionName, isConsequence, type Unmet } from '@alcove/host'

/** What follows from a look at the node. */
export interface Verdict {
  /** `unknown`: nothing is known to be missing, but EPC or a device is not known to be there. */
  readonly capable: boolean | 'unknown'
  /** What is missing, in the order of cause; of a capable node nothing. What only follows from another is left out. */
  readonly causes: readonly Cause[]
  readonly reason: string
  /** One line for a person. */
  readonly message: string
}

export interface Cause {
  readonly name: ConditionName
  /** One word for a machine: `NoFsgsbase`. */
  readonly reason: string
  /** What was found, and what to do. */
  readonly message: string
}

export type EpcMode = 'bytes' | 'devices'

/** Why a node cannot serve, by the condition that is not met. */
export const REASONS: Readonly<Record<ConditionName, string>> = {
  'cpu-sgx': 'CpuWithoutSgx',
  'cpu-launch-control': 'NoLaunchControl',
  firmware: 'SgxOffInFirmware',
  'kernel-driver': 'NoDriver',
  'enclave-device': 'NoEnclaveDevice',
  'provision-device': 'NoProvisionDevice',
  epc: 'NoEpc',
  fsgsbase: 'NoFsgsbase',
  'dev-exec': 'DevNoexec',
  'list-size': 'ListTooLarge',
}

/**
 * The rule of the device plugin: a node serves while no condition is known to be unmet; what cannot be told does not stop it, but
 * for EPC and the devices themselves. In `bytes` the kubelet is told of no device per MiB, so that `list-size` does not count.
 */
export function verdictOf({ conditions }: Capability, mode: EpcMode): Verdict {
  const counted = conditions.filter(({ name }) => mode === 'devices' || name !== 'list-size')
  const unmet = counted.filter(condition => condition.met !== true)
  const causes = unmet.filter(one => one.met === false && !isConsequence(one)).map(causeOf)
  const [first] = causes
  if (first !== undefined) {
    const more = causes.length > 1 ? `; ${causes.length - 1} more to put right after it` : ''
    const message = `cannot serve: ${first.name}: ${first.message}${more}`
    return { capable: false, causes, reason: first.reason, message }
  }
  const untold = unmet.find(({ name }) => needed.has(name))
  if (untold !== undefined) {
    const message = `cannot tell: ${untold.name}: ${untold.found}; ${untold.remedy}`
    return { capable: 'unknown', causes: [], reason: 'CannotTell', message }
  }
  const known = unmet.length === 0
  const doubt = known ? '' : `; could not be told: ${unmet.map(({ name }) => name).join(', ')}`
  const message = `can run enclaves and make quotes${doubt}`
  return { capable: true, causes: [], reason: 'Capable', message }
}

const needed: ReadonlySet<ConditionName> = new Set(['enclave-device', 'provision-device', 'epc'])

function causeOf({ name, found, remedy }: Unmet): Cause {
  return { name, reason: REASONS[name], message: `${found}; ${remedy}` }
}
