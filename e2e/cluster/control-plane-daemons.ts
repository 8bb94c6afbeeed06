import { join } from 'node:path'
import { type ClusterLayout, kubeconfigOf } from './layout.ts'
import { CONTROL_PLANE_ADDRESS, POD_RANGE, SERVICE_RANGE } from './network.ts'
import type { Daemon } from './supervise.ts'

const ETCD = 'http://127.0.0.1:2379'

/** etcd, API server, controller manager, scheduler, and a proxy through which the machine reaches the API server. */
export function controlPlaneDaemons(
  layout: ClusterLayout,
  { kubernetesBin, runtimeBin }: { kubernetesBin: string; runtimeBin: string },
): readonly Daemon[] {
  const pki = (file: string): string => join(layout.pki, file)
  const daemon = (name: string, program: string, args: readonly string[]): Daemon => ({
    name,
    program,
    args,
    log: join(layout.controlPlane, `${name}.log`),
    restartMs: 200,
  })
  return [
    daemon('etcd', join(runtimeBin, 'etcd'), [
      `--data-dir=${join(layout.controlPlane, 'etcd')}`,
      `--listen-client-urls=${ETCD}`,
      `--advertise-client-urls=${ETCD}`,
      '--listen-peer-urls=http://127.0.0.1:2380',
      '--unsafe-no-fsync',
    ]),
    daemon('kube-apiserver', join(kubernetesBin, 'kube-apiserver'), apiServerFlags(layout)),
    daemon('kube-controller-manager', join(kubernetesBin, 'kube-controller-manager'), [
      `--kubeconfig=${kubeconfigOf(layout, 'kcm')}`,
      `--service-account-private-key-file=${pki('sa.key')}`,
      `--root-ca-file=${pki('ca.crt')}`,
      `--cluster-signing-cert-file=${pki('ca.crt')}`,
      `--cluster-signing-key-file=${pki('ca.key')}`,
      `--cluster-cidr=${POD_RANGE}`,
      '--use-service-account-credentials=true',
      '--leader-elect=false',
      // An autoscaler's test should not wait for five minutes until a new pod's CPU counts.
      '--horizontal-pod-autoscaler-cpu-initialization-period=10s',
      '--horizontal-pod-autoscaler-initial-readiness-delay=5s',
      '--horizontal-pod-autoscaler-sync-period=5s',
    ]),
    daemon('kube-scheduler', join(kubernetesBin, 'kube-scheduler'), [
      `--kubeconfig=${kubeconfigOf(layout, 'scheduler')}`,
      '--leader-elect=false',
    ]),
    daemon('kubectl', join(kubernetesBin, 'kubectl'), [
      `--kubeconfig=${kubeconfigOf(layout, 'admin')}`,
      'proxy',
      `--unix-socket=${layout.apiSocket}`,
      '--append-server-path=false',
    ]),
  ]
}

function apiServerFlags(layout: ClusterLayout): readonly string[] {
  const pki = (file: string): string => join(layout.pki, file)
  return [
    `--etcd-servers=${ETCD}`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    `--advertise-address=${CONTROL_PLANE_ADDRESS}`,
    '--secure-port=6443',
    // Nothing of ours is privileged: where this is off, the API server refuses what is.
    '--allow-privileged=false',
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    // Webhooks and aggregated APIs are reached at their pods' addresses: there is no kube-proxy beside the API server.
    '--enable-aggregator-routing=true',
    `--tls-cert-file=${pki('apiserver.crt')}`,
    `--tls-private-key-file=${pki('apiserver.key')}`,
    `--client-ca-file=${pki('ca.crt')}`,
    `--service-account-key-file=${pki('sa.pub')}`,
    `--service-account-signing-key-file=${pki('sa.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--kubelet-client-certificate=${pki('apiserver-kubelet.crt')}`,
    `--kubelet-client-key=${pki('apiserver-kubelet.key')}`,
    `--kubelet-certificate-authority=${pki('ca.crt')}`,
    '--kubelet-preferred-address-types=InternalIP',
    `--requestheader-client-ca-file=${pki('ca.crt')}`,
    '--requestheader-allowed-names=front-proxy',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-username-headers=X-Remote-User',
    `--proxy-client-cert-file=${pki('front-proxy.crt')}`,
    `--proxy-client-key-file=${pki('front-proxy.key')}`,
  ]
}
