// Kubelet restarts while pods come and go. `npm run e2e -- restarts --times 100` for the figures that the documents state.
import { test } from 'node:test'
import { kubeletRestarts } from './kubelet-restarts.ts'
import { EPC } from './names.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const times = world.times ?? 10

test(`${times} kubelet restarts under load: EPC pods are admitted, none starts without its device, none that runs is lost`, context =>
  kubeletRestarts(context, world, {
    times,
    registered: EPC,
    watched: EPC,
    allocatable: { 'sgx-a': 56, 'sgx-b': 168 },
  }))
