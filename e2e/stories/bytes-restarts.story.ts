// The same with EPC in bytes. `npm run e2e -- bytes-restarts --times 100` for the figures that the documents state.
import { test } from 'node:test'
import { kubeletRestarts } from './kubelet-restarts.ts'
import { ENCLAVE, EPC_BYTES } from './names.ts'
import { OFFERED } from './offered.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const times = world.times ?? 10

test(`${times} kubelet restarts under load, EPC in bytes: pods are admitted, none starts without its device, none that runs is lost`, context =>
  kubeletRestarts(context, world, {
    times,
    registered: ENCLAVE,
    watched: EPC_BYTES,
    allocatable: OFFERED,
  }))
