import { createServer } from 'node:http'

/** As much of an API server as `helm install --dry-run=server` asks: what kinds there are, and these DaemonSets. Nothing else exists. */
export async function serveDaemonSets(
  daemonSets: readonly object[],
): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((request, response) => {
    const path = request.url?.replace(/\?.*/, '') ?? ''
    const answer = path === '/apis/apps/v1/daemonsets' ? list(daemonSets) : discovery[path]
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer ?? NOT_FOUND))
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise(closed => server.close(closed))
    },
  }
}

const NOT_FOUND = {
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  reason: 'NotFound',
  code: 404,
}

const list = (items: readonly object[]) => ({
  kind: 'DaemonSetList',
  apiVersion: 'apps/v1',
  metadata: {},
  items,
})

const kinds: Readonly<
  Record<string, readonly [name: string, kind: string, namespaced: boolean][]>
> = {
  v1: [
    ['namespaces', 'Namespace', false],
    ['secrets', 'Secret', true],
    ['serviceaccounts', 'ServiceAccount', true],
  ],
  'apps/v1': [['daemonsets', 'DaemonSet', true]],
  'batch/v1': [['jobs', 'Job', true]],
  'rbac.authorization.k8s.io/v1': [
    ['roles', 'Role', true],
    ['rolebindings', 'RoleBinding', true],
    ['clusterroles', 'ClusterRole', false],
    ['clusterrolebindings', 'ClusterRoleBinding', false],
  ],
  'admissionregistration.k8s.io/v1': [
    ['validatingadmissionpolicies', 'ValidatingAdmissionPolicy', false],
    ['validatingadmissionpolicybindings', 'ValidatingAdmissionPolicyBinding', false],
  ],
}

const discovery: Readonly<Record<string, object>> = {
  '/version': { major: '1', minor: '37', gitVersion: 'v1.37.2' },
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/apis': {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: Object.keys(kinds)
      .filter(groupVersion => groupVersion !== 'v1')
      .map(groupVersion => {
        const version = { groupVersion, version: 'v1' }
        return { name: groupVersion.split('/')[0], versions: [version], preferredVersion: version }
      }),
  },
  ...Object.fromEntries(
    Object.entries(kinds).map(([groupVersion, resources]) => [
      groupVersion === 'v1' ? '/api/v1' : `/apis/${groupVersion}`,
      {
        kind: 'APIResourceList',
        groupVersion,
        resources: resources.map(([name, kind, namespaced]) => ({
          ...{ name, kind, namespaced, singularName: '', verbs: ['get', 'list', 'create'] },
        })),
      },
    ]),
  ),
}
