export { type Enclave, openEnclave } from './enclave.ts'
export { EnclaveError, type EnclaveErrorCode } from './enclave-error.ts'
