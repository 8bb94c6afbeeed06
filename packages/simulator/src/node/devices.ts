import type { FileAccess } from '@alcove/host'
import { type SimulatedVariant, traitsOf } from './variant.ts'

/** A device node, the token that its file holds, and who may open it on the node that is simulated. */
export interface Device {
  readonly path: string
  readonly token: string
  readonly access: FileAccess
}

/** The device nodes that the variant's driver makes. */
export function devicesOf(
  variant: SimulatedVariant,
  tokens: { readonly enclaveToken: string; readonly provisionToken: string },
): readonly Device[] {
  if (!traitsOf(variant).driver) return []
  const { enclaveToken, provisionToken } = tokens
  if (variant.fault === 'legacy-driver') {
    return [{ path: '/dev/isgx', token: enclaveToken, access: everyone }]
  }
  const { enclave, provision, enclaveAccess } = paths[variant.os]
  return [
    { path: enclave, token: enclaveToken, access: enclaveAccess },
    ...(variant.fault === 'no-provision'
      ? []
      : [{ path: provision, token: provisionToken, access: provisioners }]),
  ]
}

const everyone: FileAccess = { gid: 0, mode: 0o666 }
/** Groups `sgx_prv` and `sgx` of the simulated /etc/group. */
const provisioners: FileAccess = { gid: 120, mode: 0o660 }
const users: FileAccess = { gid: 121, mode: 0o660 }

/** Intel DCAP, driver/linux/README.md: enclave 0666, provision 0660 sgx_prv. Intel SGX SDK, README.md: systemd's `sgx`. */
const paths = {
  'in-kernel': {
    enclave: '/dev/sgx_enclave',
    provision: '/dev/sgx_provision',
    enclaveAccess: users,
  },
  'dcap-1.33': {
    enclave: '/dev/sgx/enclave',
    provision: '/dev/sgx/provision',
    enclaveAccess: everyone,
  },
} as const
