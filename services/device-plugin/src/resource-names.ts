// The names on the wire, under which pods ask for what a node has.

/** Intel's name, today's: EPC in bytes, a number in the node's status. */
export const EPC_BYTES_RESOURCE = 'sgx.intel.com/epc'

/** AKS's first-generation name: an integer count of MiB, a device each. */
export const EPC_RESOURCE = 'kubernetes.azure.com/sgx_epc_mem_in_MiB'

/** Intel's names: counts of containers, not amounts. */
export const ENCLAVE_RESOURCE = 'sgx.intel.com/enclave'
export const PROVISION_RESOURCE = 'sgx.intel.com/provision'
