export { SimulatedNodeError, type SimulatedNodeErrorCode } from './node-error.ts'
export {
  type SimulatedOs,
  type SimulatedRootOptions,
  writeSimulatedRoot,
} from './simulated-root.ts'
export { type NodeSize, nodeSize, nodeSizes } from './sizes.ts'
