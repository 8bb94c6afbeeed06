// Objects of about the size that they have on a cluster, so that reading them costs the plugin what it costs there.
type Json = Readonly<Record<string, unknown>>

const IMAGES = 50
const PODS = 30

/** A Node with the images that kubelets list by default, before anybody has published EPC: some 12 kB. */
export function benchNode(): Json {
  const quantities = {
    cpu: '2',
    memory: '8145716Ki',
    pods: '110',
    'ephemeral-storage': '129886128Ki',
  }
  const condition = (type: string): Json => ({
    type,
    status: type === 'Ready' ? 'True' : 'False',
    reason: 'Kubelet',
    message: `kubelet says of ${type} what it says on every node`,
  })
  return {
    metadata: {
      labels: { 'kubernetes.io/arch': 'amd64', 'kubernetes.io/os': 'linux' },
      managedFields: managedFields(['capacity', 'allocatable', 'conditions', 'images', 'nodeInfo']),
    },
    spec: {},
    status: {
      capacity: quantities,
      allocatable: quantities,
      conditions: ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map(condition),
      images: Array.from({ length: IMAGES }, (_, index) => ({
        names: [`${imageName(index)}@sha256:${String(index).padStart(64, '0')}`, imageName(index)],
        sizeBytes: 100_000_000 + index,
      })),
      nodeInfo: { containerRuntimeVersion: 'containerd://2.2.1', kubeletVersion: 'v1.37.2' },
    },
  }
}

/** As many pods as AKS puts on a node unless told otherwise, one of which holds EPC: some 3 kB each. */
export function benchPods(): readonly Json[] {
  return Array.from({ length: PODS }, (_, index) => pod(index))
}

function pod(index: number): Json {
  const requests = { cpu: '50m', memory: '64Mi' }
  const epc = { ...requests, 'sgx.intel.com/epc': '10Mi', 'sgx.intel.com/enclave': '1' }
  return {
    metadata: {
      uid: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      name: `pod-${index}`,
      namespace: 'default',
      resourceVersion: '1',
      managedFields: managedFields(['containers', 'env', 'volumes', 'containerStatuses']),
    },
    spec: {
      containers: ['main', 'sidecar'].map(name => ({
        name,
        image: imageName(index),
        env: Array.from({ length: 10 }, (_, at) => ({
          name: `SETTING_${at}`,
          value: 'v'.repeat(40),
        })),
        resources: { requests: index === 0 && name === 'main' ? epc : requests },
      })),
      volumes: [
        { name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
      ],
    },
    status: { phase: 'Running', podIP: `10.0.0.${index}` },
  }
}

function imageName(index: number): string {
  return `registry.example.com/a-team/some-service-${index}:1.${index}.0`
}

function managedFields(names: readonly string[]): readonly Json[] {
  const fields = names.map(name => [`f:${name}`, { '.': {}, 'f:one': {}, 'f:another': {} }])
  const time = '2026-01-01T00:00:00Z'
  const fieldsV1 = { 'f:status': Object.fromEntries(fields) }
  return ['kubelet', 'kube-controller-manager'].map(manager => ({
    manager,
    operation: 'Update',
    apiVersion: 'v1',
    time,
    fieldsType: 'FieldsV1',
    fieldsV1,
  }))
}
