export { SimulatedNodeError, type SimulatedNodeErrorCode } from './node-error.ts'
export { type SimulatedRootOptions, writeSimulatedRoot } from './simulated-root.ts'
export { type NodeSize, nodeSize, nodeSizes } from './sizes.ts'
export { type SimulatedFault, type SimulatedOs, simulatedFaults } from './variant.ts'
