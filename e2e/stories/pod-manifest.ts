import { BOX_IMAGE, epcLimits } from './names.ts'

export interface BoxPod {
  readonly name: string
  /** What its shell runs. */
  readonly script: string
  readonly epcMiB?: number
  /** Other resources, by name. */
  readonly limits?: Readonly<Record<string, string>>
  /** Placed here without the scheduler. */
  readonly nodeName?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly securityContext?: Readonly<Record<string, unknown>>
  readonly volumes?: readonly unknown[]
  readonly volumeMounts?: readonly unknown[]
}

/** A pod with a shell and, where it asks for EPC, with what every EPC pod gets. Nothing restarts it. */
export function boxPod(pod: BoxPod): unknown {
  const { name, labels = {}, nodeName, script, securityContext, volumes, volumeMounts } = pod
  const epc = pod.epcMiB === undefined ? {} : epcLimits(pod.epcMiB)
  const limits = { ...epc, ...pod.limits }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 0,
      ...(nodeName !== undefined && { nodeName }),
      ...(volumes !== undefined && { volumes }),
      containers: [
        {
          name: 'box',
          image: BOX_IMAGE,
          imagePullPolicy: 'Never',
          args: [script],
          resources: { limits, requests: limits },
          ...(securityContext !== undefined && { securityContext }),
          ...(volumeMounts !== undefined && { volumeMounts }),
        },
      ],
    },
  }
}

/** Exit codes of {@link HAS_DEVICE}. */
export const NO_DEVICE = 41
export const DEVICE_REFUSED = 42

/** Ends at once unless the enclave device is there under both generations of paths, as a device that can be opened. */
export const HAS_DEVICE: string = ['/dev/sgx_enclave', '/dev/sgx/enclave']
  .map(path => `[ -c ${path} ] || exit ${NO_DEVICE}; (exec 3<>${path}) || exit ${DEVICE_REFUSED}`)
  .join('\n')

/** The restricted profile of Pod Security: non-root, no capabilities, no way to more. */
export const RESTRICTED: Readonly<Record<string, unknown>> = {
  runAsNonRoot: true,
  runAsUser: 1000,
  runAsGroup: 1000,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
}
