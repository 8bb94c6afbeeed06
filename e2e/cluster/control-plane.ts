import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { controlPlaneDaemons } from './control-plane-daemons.ts'
import { type ClusterLayout, CONTROL_PLANE, kubeconfigOf, namespaceOf } from './layout.ts'
import { startMachine } from './machine.ts'
import { API_SERVER, CONTROL_PLANE_ADDRESS, openControlPlaneNetwork } from './network.ts'
import { type CertificateRequest, issue, kubeconfig, openAuthority } from './pki.ts'
import type { Daemon } from './supervise.ts'

const certificates: readonly CertificateRequest[] = [
  {
    name: 'apiserver',
    subject: '/CN=kube-apiserver',
    alternativeNames: [
      `IP:${CONTROL_PLANE_ADDRESS}`,
      'IP:127.0.0.1',
      'IP:10.96.0.1',
      'DNS:kubernetes',
      'DNS:kubernetes.default',
      'DNS:kubernetes.default.svc',
      'DNS:localhost',
    ],
  },
  { name: 'admin', subject: '/O=system:masters/CN=admin' },
  { name: 'kcm', subject: '/CN=system:kube-controller-manager' },
  { name: 'scheduler', subject: '/CN=system:kube-scheduler' },
  { name: 'proxy', subject: '/CN=system:kube-proxy' },
  { name: 'apiserver-kubelet', subject: '/O=system:masters/CN=apiserver-kubelet' },
  { name: 'front-proxy', subject: '/CN=front-proxy' },
]

/** What the control plane's boot module reads. */
export interface ControlPlaneSpec {
  readonly role: 'control-plane'
  readonly daemons: readonly Daemon[]
}

/** etcd, API server, scheduler and controller manager, in namespaces of their own. */
export async function startControlPlane(
  layout: ClusterLayout,
  binaries: { readonly kubernetesBin: string; readonly runtimeBin: string },
): Promise<void> {
  await mkdir(layout.controlPlane, { recursive: true, mode: 0o700 })
  await mkdir(layout.kubeconfigs, { recursive: true, mode: 0o700 })
  await openAuthority(layout.pki)
  await Promise.all(certificates.map(certificate => issue(layout.pki, certificate)))
  for (const name of ['admin', 'kcm', 'scheduler', 'proxy']) {
    const text = kubeconfig(layout.pki, name, API_SERVER)
    await writeFile(kubeconfigOf(layout, name), text, { mode: 0o600 })
  }
  await openControlPlaneNetwork(layout)
  const spec: ControlPlaneSpec = {
    role: 'control-plane',
    daemons: controlPlaneDaemons(layout, binaries),
  }
  const bootSpec = join(layout.controlPlane, 'boot.json')
  await writeFile(bootSpec, JSON.stringify(spec))
  await startMachine({
    directory: layout.controlPlane,
    networkNamespace: namespaceOf(layout, CONTROL_PLANE),
    bootModule: join(import.meta.dirname, 'boot.ts'),
    bootSpec,
  })
}
