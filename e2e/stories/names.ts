import { epcMode } from './world.ts'

/** AKS's first-generation name of EPC: one device per MiB. */
export const EPC = 'kubernetes.azure.com/sgx_epc_mem_in_MiB'
export const PROVISION = 'sgx.intel.com/provision'

/** Today's names: EPC in bytes, and the enclave device beside it. */
export const EPC_BYTES = 'sgx.intel.com/epc'
export const ENCLAVE = 'sgx.intel.com/enclave'

/** The limits of a container that asks for EPC. */
export function epcLimits(
  mib: number,
  mode: 'bytes' | 'devices' = epcMode(),
): Readonly<Record<string, string>> {
  return mode === 'bytes' ? { [EPC_BYTES]: `${mib}Mi`, [ENCLAVE]: '1' } : { [EPC]: String(mib) }
}

/** A shell and the usual tools, for pods that look around. */
export const BOX_IMAGE = 'alcove.dev/box:1'

/** Where Alcove itself runs. */
export const SYSTEM_NAMESPACE = 'alcove-system'
