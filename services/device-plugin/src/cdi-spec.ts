import { z } from 'zod'
import type { Role } from './container-devices.ts'

/** Vendor and class of our CDI devices: `alcove.dev/sgx=enclave`. */
export const CDI_KIND = 'alcove.dev/sgx'

/** Its name says vendor and class, as the CDI specification recommends. */
export const CDI_FILE = 'alcove.dev-sgx.json'

/** Which group each device is reserved for; roles whose device is open to all are left out. */
export type DeviceGroups = Partial<Record<Role, number>>

/** The first version of CDI that knows `additionalGids`. */
const CDI_VERSION = '0.7.0'

/**
 * A CDI spec whose devices do one thing: put the container's user into a group. The device nodes come as DeviceSpecs, which
 * need no CDI; a DeviceSpec has no group. A device without an edit is malformed, so a role without a group has none.
 *
 * @see docs/formats/cdi.md
 */
export function encodeCdiSpec(groups: DeviceGroups): string {
  const devices = roles.flatMap(name => {
    const gid = groups[name]
    return gid === undefined ? [] : [{ name, containerEdits: { additionalGids: [gid] } }]
  })
  return `${JSON.stringify({ cdiVersion: CDI_VERSION, kind: CDI_KIND, devices }, undefined, 2)}\n`
}

/** Reads a spec that {@link encodeCdiSpec} wrote; `undefined` for anything else. */
export function parseCdiSpec(bytes: Uint8Array): DeviceGroups | undefined {
  const result = Spec.safeParse(jsonOf(bytes))
  if (!result.success) return undefined
  const groups: DeviceGroups = {}
  for (const { name, containerEdits } of result.data.devices) {
    groups[name] = containerEdits.additionalGids[0]
  }
  return groups
}

const roles = ['enclave', 'provision'] as const

const Spec = z.strictObject({
  cdiVersion: z.literal(CDI_VERSION),
  kind: z.literal(CDI_KIND),
  devices: z
    .array(
      z.strictObject({
        name: z.enum(roles),
        containerEdits: z.strictObject({
          additionalGids: z.tuple([z.int().min(1).max(0xffff_ffff)]),
        }),
      }),
    )
    .max(roles.length),
})

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof TypeError) return undefined
    throw cause
  }
}
