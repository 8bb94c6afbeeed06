// Loaded into the device plugin before itself: a simulated node answers CPUID from a file, while on hardware the plugin loads koffi and
// executes CPUID, with this very function. The leaves are those that it asks for once.
import { loadExecuteCpuid } from '../../packages/host/src/cpuid-code.ts'

const execute = await loadExecuteCpuid()
for (const leaf of [0x7, 0x12]) execute?.(leaf, 0)
