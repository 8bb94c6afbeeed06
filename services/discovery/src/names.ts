// What Alcove writes on a Node: discovery and the device plugin put it there, `alcove sweep` takes it away.

/** Labels of a node that can serve: ours, and those of NFD and Intel, which others select by. */
export const SGX_LABELS: Readonly<Record<string, string>> = {
  'alcove.dev/sgx': 'true',
  'feature.node.kubernetes.io/cpu-security.sgx.enabled': 'true',
  'intel.feature.node.kubernetes.io/sgx': 'true',
  'sgx.intel.com/capable': 'true',
}

/** Which of the labels discovery has put there, with commas between; the others are somebody else's. */
export const LABELS_ANNOTATION = 'alcove.dev/sgx-labels'

/** Of the types of our conditions in a node's status. */
export const CONDITION_PREFIX = 'alcove.dev/'

/** The condition that sums up the others. */
export const SGX_CAPABLE = 'alcove.dev/SgxCapable'

/** The cluster autoscaler takes a node for not yet there while it has a taint of this prefix. */
export const STARTUP_TAINT = 'startup-taint.cluster-autoscaler.kubernetes.io/sgx'

/** EPC in bytes: in the node's status by a patch, which no kubelet takes back. */
export const EPC_BYTES_RESOURCE = 'sgx.intel.com/epc'

/** Resources that a kubelet counts for a device plugin, and keeps for a while after it. */
export const COUNTED_RESOURCES: readonly string[] = [
  'sgx.intel.com/enclave',
  'sgx.intel.com/provision',
  'kubernetes.azure.com/sgx_epc_mem_in_MiB',
]

/** Which of the labels that Alcove knows the annotation says to be ours. Anything else in it is nobody's to remove. */
export function listedLabels(annotation: string | undefined): readonly string[] {
  const listed = new Set(annotation?.split(',').map(key => key.trim()))
  return Object.keys(SGX_LABELS).filter(key => listed.has(key))
}
