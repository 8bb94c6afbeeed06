import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { closeCgroup } from './cgroups.ts'
import { type ClusterLayout, cgroupOf, nodeDirectory } from './layout.ts'
import { stopMachine } from './machine.ts'
import { closeNetworks } from './network.ts'

/** Takes a cluster down, whole or what a killed run left of one: processes, networks, control groups, files. */
export async function takeDown(layout: ClusterLayout): Promise<void> {
  const nodes = join(layout.state, 'nodes')
  const names = existsSync(nodes) ? await readdir(nodes) : []
  await Promise.all(names.map(name => stopMachine(nodeDirectory(layout, name))))
  await stopMachine(layout.controlPlane)
  await closeNetworks(layout)
  await closeCgroup(cgroupOf(layout))
  await rm(layout.state, { recursive: true, force: true })
}
