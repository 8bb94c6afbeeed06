// A device plugin of somebody else's for EPC, as a process: no stem, no ids and no guards of ours. Ends with SIGTERM, and takes its socket along.
//
//   node rival-plugin.ts DIRECTORY SOCKET COUNT
import { once } from 'node:events'
import { join } from 'node:path'
import { barePlugin, register } from '../../packages/kubelet/testing/bare-plugin.ts'
import { EPC } from './names.ts'

const [, , directory = '', endpoint = '', count = ''] = process.argv
const devices = Array.from({ length: Number(count) }, (_, index) => ({
  id: `theirs-${index}`,
  healthy: true,
}))
const stop = once(process, 'SIGTERM')
using plugin = await barePlugin(join(directory, endpoint), devices, {
  allocate: () => ({ FROM: 'the other plugin' }),
})
await register(join(directory, 'kubelet.sock'), { endpoint, resourceName: EPC })
process.stdout.write(`registered ${devices.length} devices\n`)
await stop
process.stdout.write(`${plugin.calls.length} calls\n`)
