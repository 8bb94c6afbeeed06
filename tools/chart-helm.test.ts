import { equal, match, ok, rejects } from 'node:assert/strict'
import { serveDaemonSets } from './chart-api.ts'
import { chartFolder, NAMESPACE, RELEASE, runHelm } from './chart-renderings.ts'
import { withHelm } from './chart-with-helm.ts'

const refused: readonly [args: readonly string[], said: RegExp][] = [
  [['--set', 'epcmode=bytes'], /additional properties 'epcmode' not allowed/],
  [['--set', 'epcMode=pages'], /'\/epcMode'/],
  [['--set', 'platform=silicon'], /'\/platform'/],
  [['--set', 'reservedEpcMiB=-1'], /'\/reservedEpcMiB'/],
  [['--set', 'image.digest=latest'], /'\/image\/digest'/],
  [['--set', 'kubeletDirectory=var/lib/kubelet'], /'\/kubeletDirectory'/],
  [['--set', 'kubeletDirectory=/var/lib/kubelet/'], /'\/kubeletDirectory'/],
  [['--set', 'startupTaint='], /'\/startupTaint'/],
  [['--set', 'devicePlugin.cdi=maybe'], /'\/devicePlugin\/cdi'/],
  [['--set', 'simulator.keys.seed=?'], /'\/simulator\/keys\/seed'/],
  [['--set', 'discovery.enabled=yes please'], /'\/discovery\/enabled'/],
  [['--set', 'tolerations[0].operater=Exists'], /'operater' not allowed/],
  [['--set', 'quoteHelper.enabled=true'], /makes quotes of simulated platforms only/],
  [
    ['--set', 'platform=simulated,simulator.keys.seed=c2VlZA=='],
    /seed, authorities and publication belong together/,
  ],
  [
    [
      '--set',
      'platform=simulated,simulator.existingSecret=x,simulator.keys.seed=AAAA,simulator.keys.authorities=AAAA,simulator.keys.publication=AAAA',
    ],
    /give one of them/,
  ],
  [
    [
      '--set',
      'instanceTypes=null,nodeLabels.alcove\\.dev/sgx=null,nodeLabels.feature\\.node\\.kubernetes\\.io/cpu-security\\.sgx\\.enabled=null,nodeLabels.intel\\.feature\\.node\\.kubernetes\\.io/sgx=null',
    ],
    /no node would have SGX/,
  ],
  [['--kube-version', '1.29.9'], /requires kubeVersion: >=1\.30\.0-0/],
]

withHelm('values that cannot be are refused, with the reason', async bin => {
  for (const [args, said] of refused) {
    await rejects(runHelm(bin, ['template', RELEASE, chartFolder, ...args]), said, args.join(' '))
  }
})

const daemonSet = (name: string, namespace: string, image: string, labels = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name, namespace, labels },
  spec: { template: { spec: { containers: [{ name: 'c', image }] } } },
})

/** Helm's answer to an installation on a cluster with these DaemonSets. */
async function install(
  bin: string,
  daemonSets: readonly object[],
  ...args: readonly string[]
): Promise<string> {
  await using api = await serveDaemonSets(daemonSets)
  const cluster = ['--kube-apiserver', `http://127.0.0.1:${api.port}`, '--namespace', NAMESPACE]
  const dryRun = ['--dry-run=server', '--disable-openapi-validation']
  return await runHelm(bin, ['install', RELEASE, chartFolder, ...cluster, ...dryRun, ...args])
}

const peers: readonly [daemonSet: object, said: RegExp][] = [
  [
    daemonSet('sgx-plugin', 'kube-system', 'mcr.microsoft.com/aks/acc/sgx-plugin:1.1'),
    /DaemonSet sgx-plugin in namespace kube-system.*az aks disable-addons --addons confcom/s,
  ],
  [
    daemonSet(
      'sgx-device-plugin',
      'kube-system',
      'mcr.microsoft.com/aks/acc/sgx-device-plugin:1.0',
    ),
    /AKS's add-on confcom/,
  ],
  [
    daemonSet('intel-sgx-plugin', 'inteldeviceplugins-system', 'intel/intel-sgx-plugin:0.36.0'),
    /Intel's plugin.*sgxdeviceplugins\.deviceplugin\.intel\.com.*NodeFeatureRule/s,
  ],
  [
    daemonSet('renamed', 'x', 'registry.example/mirror/intel-sgx-plugin@sha256:00'),
    /DaemonSet renamed in namespace x .*Intel's plugin/s,
  ],
  [
    daemonSet('plugin', 'y', 'registry.cn-hangzhou.aliyuncs.com/acs/sgx-device-plugin:v1.0.0'),
    /kubectl delete the DaemonSet, then install again/,
  ],
  [daemonSet('sgx-plugin', 'z', 'registry.example/own:1'), /DaemonSet sgx-plugin in namespace z/],
]

withHelm(
  'beside another SGX device plugin it is not installed, with the steps to move over',
  async bin => {
    const harmless = daemonSet('kube-proxy', 'kube-system', 'registry.k8s.io/kube-proxy:v1.37.2')
    for (const [peer, said] of peers) {
      await rejects(install(bin, [harmless, peer]), said)
      await rejects(install(bin, [peer]), /--set preflight\.enabled=false/)
    }
    const [first] = peers[0] ?? []
    ok(first)
    match(await install(bin, [first], '--set', 'preflight.enabled=false'), /^NOTES:$/m)
    const own = { 'app.kubernetes.io/part-of': 'alcove' }
    const ours = daemonSet('alcove-device-plugin', NAMESPACE, 'mirror.example/sgx-plugin:1', own)
    match(await install(bin, [harmless, ours]), /^NOTES:$/m)
  },
)

withHelm('the notes say what to type next', async bin => {
  const notes = async (...args: readonly string[]) => {
    const [, text] = (await install(bin, [], ...args)).split(/^NOTES:$/m)
    return text ?? ''
  }
  const hardware = await notes()
  match(hardware, /^ {2}sgx\.intel\.com\/epc: 10Mi\n {2}sgx\.intel\.com\/enclave: 1$/m)
  match(hardware, /EPC:\.status\.allocatable\.sgx\\\.intel\\\.com\/epc'/)
  match(hardware, /kubectl label namespace alcove-system pod-security\S+=privileged/)
  match(hardware, /^ {2}helm uninstall alcove --namespace alcove-system --timeout 10m$/m)
  equal(hardware.includes('SIMULATED'), false)
  const simulated = await notes(
    '--set',
    'platform=simulated,epcMode=devices,discovery.enabled=true',
  )
  match(simulated, /^\*\*\* SIMULATED: this is not SGX\./m)
  match(
    simulated,
    /alcove sim values \| helm upgrade alcove CHART --namespace alcove-system .*--values -$/m,
  )
  match(simulated, /^ {2}kubernetes\.azure\.com\/sgx_epc_mem_in_MiB: 10$/m)
  match(simulated, /kubectl describe node NODE +conditions/)
  for (const text of [hardware, simulated]) {
    for (const line of text.split('\n')) ok(line.length <= 150, line)
  }
})
