import type { Api } from '../kube/api.ts'
import { waitUntil } from '../kube/wait.ts'

/** A namespace for the length of a story. */
export async function openNamespace(
  api: Api,
  name: string,
): Promise<{ readonly name: string } & AsyncDisposable> {
  await closeNamespace(api, name)
  const labels = { 'pod-security.kubernetes.io/warn': 'baseline' }
  await api.create('/api/v1/namespaces', { metadata: { name, labels } })
  await waitUntil(
    async () => {
      const path = `/api/v1/namespaces/${name}/serviceaccounts/default`
      return (await api.raw('GET', path)).status === 200 ? true : undefined
    },
    { what: `the default service account of ${name}` },
  )
  return { name, [Symbol.asyncDispose]: () => closeNamespace(api, name) }
}

async function closeNamespace(api: Api, name: string): Promise<void> {
  const path = `/api/v1/namespaces/${name}`
  await api.raw('DELETE', `${path}/pods`, undefined)
  await api.raw('DELETE', path, { gracePeriodSeconds: 0 })
  await waitUntil(async () => ((await api.raw('GET', path)).status === 404 ? true : undefined), {
    what: `the end of namespace ${name}`,
  })
}
