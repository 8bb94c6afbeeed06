export { EPC_RESOURCE, epcPlugin, SIMULATOR_CONTAINER_PATH } from './epc-plugin.ts'
export { runDevicePlugin } from './main.ts'
