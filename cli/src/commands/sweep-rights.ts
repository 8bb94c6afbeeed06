// The last thing that a sweep does: its own rights go, since nobody else may be there to take them.
import { setTimeout as delay } from 'node:timers/promises'
import { type DeletingKubeApi, KubeApiError } from '@alcove/kube-api'
import { z } from 'zod'
import { UsageError } from '../exit.ts'

/** A ServiceAccount, and the ClusterRole and ClusterRoleBinding of the same name that give it its rights. */
export interface Rights {
  readonly name: string
  /** Of the ServiceAccount. */
  readonly namespace: string
}

export interface RightsDeps {
  readonly api: Pick<DeletingKubeApi, 'get' | 'patch' | 'delete'>
  readonly stop: AbortSignal
  /** Between two tries. */
  readonly retryMs: number
}

const RBAC = '/apis/rbac.authorization.k8s.io/v1'
const MOST_TRIES = 4
const GONE: ReadonlySet<number | undefined> = new Set([401, 403, 404])
const Uid = z.object({ metadata: z.object({ uid: z.string().min(1) }) })

/** @throws {UsageError} where one is given without the other */
export function rightsOf(
  name: string | undefined,
  namespace: string | undefined,
): Rights | undefined {
  if (name === undefined && namespace === undefined) return undefined
  if (name && namespace) return { name, namespace }
  throw new UsageError('--remove-rights and --namespace: want both, the name and its namespace')
}

/** How a person removes them. */
export function removalText({ name, namespace }: Rights): string {
  return `its rights stay, for another try; to remove them: kubectl delete clusterrole/${name} clusterrolebinding/${name} && kubectl delete serviceaccount/${name} -n ${namespace}`
}

/**
 * Takes the rights that this process works with in one act: binding and ServiceAccount are made the role's, the role is deleted, and
 * the garbage collector deletes what was its. Deleted one after the other, the first would take the right to delete the next.
 *
 * @throws {KubeApiError} where they stay, whole
 */
export async function removeRights(rights: Rights, deps: RightsDeps): Promise<void> {
  const { api, stop, retryMs } = deps
  const role = `${RBAC}/clusterroles/${encodeURIComponent(rights.name)}`
  let uid: string | undefined
  let asked = false
  let lost = false
  for (let tries = 1; ; tries++) {
    try {
      uid ??= (await api.get(role, Uid, stop)).metadata.uid
      await giveToRole(rights, uid, deps)
      asked = true
      // Another role of that name, which a new installation may have made meanwhile, is not this one.
      const options = { propagationPolicy: 'Background', preconditions: { uid } }
      return await api.delete(role, options, stop)
    } catch (error) {
      if (!(error instanceof KubeApiError)) throw error
      const isRefused = GONE.has(error.status)
      if (isRefused && lost) return // an earlier try was done, and only its answer lost
      if (isRefused || tries === MOST_TRIES) throw error
      lost = asked
    }
    await delay(retryMs, undefined, { signal: stop }).catch(() => undefined)
    stop.throwIfAborted()
  }
}

async function giveToRole(
  { name, namespace }: Rights,
  uid: string,
  { api, stop }: RightsDeps,
): Promise<void> {
  const owner = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name, uid }
  const patch = { metadata: { ownerReferences: [owner] } }
  const last = encodeURIComponent(name)
  const account = `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${last}`
  for (const path of [`${RBAC}/clusterrolebindings/${last}`, account]) {
    await api.patch(path, patch, Uid, stop)
  }
}
