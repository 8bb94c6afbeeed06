export { runDiscovery } from './main.ts'
export {
  CONDITION_PREFIX,
  COUNTED_RESOURCES,
  EPC_BYTES_RESOURCE,
  LABELS_ANNOTATION,
  listedLabels,
  SGX_CAPABLE,
  SGX_LABELS,
  STARTUP_TAINT,
} from './names.ts'
