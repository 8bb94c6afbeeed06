// Boots a control plane or a node. Runs inside its namespaces, and keeps its daemons running until it is killed.
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { bootInside } from './boot-node.ts'
import type { ControlPlaneSpec } from './control-plane.ts'
import type { NodeBootSpec } from './node.ts'
import { keepRunning } from './supervise.ts'

// Written by this program itself, a moment ago, in a directory that is root's.
const Spec = z.custom<ControlPlaneSpec | NodeBootSpec>(
  value => typeof value === 'object' && value !== null && 'role' in value,
)

const [, , path = ''] = process.argv
const spec = Spec.parse(JSON.parse(await readFile(path, 'utf8')))
if (spec.role === 'node') await bootInside(spec)
await Promise.all(spec.daemons.map(keepRunning))
