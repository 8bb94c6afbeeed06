/** AKS's first-generation name of EPC: one device per MiB. */
export const EPC = 'kubernetes.azure.com/sgx_epc_mem_in_MiB'
export const PROVISION = 'sgx.intel.com/provision'

/** A shell and the usual tools, for pods that look around. */
export const BOX_IMAGE = 'alcove.dev/box:1'

/** Where Alcove itself runs. */
export const SYSTEM_NAMESPACE = 'alcove-system'
