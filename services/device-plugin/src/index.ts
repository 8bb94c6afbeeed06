export { PROVISION_CONTAINER_PATH, SIMULATOR_CONTAINER_PATH } from './container-devices.ts'
export { epcDevices } from './epc-devices.ts'
export { runDevicePlugin } from './main.ts'
export {
  ENCLAVE_RESOURCE,
  EPC_BYTES_RESOURCE,
  EPC_RESOURCE,
  PROVISION_RESOURCE,
} from './resource-names.ts'
