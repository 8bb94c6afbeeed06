import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { serveStandInApi } from '../packages/kube-api/testing/serve-stand-in.ts'
import { StandInNodes } from '../packages/kube-api/testing/stand-in-nodes.ts'
import { makeIdentity } from '../packages/kube-api/testing/tls-server.ts'
import { benchNode, benchPods } from './api-objects.ts'

/** An API server with one Node and its pods, over TLS on loopback in this process. */
export interface BenchApi extends Disposable {
  /** By which a process finds it, and its Node. */
  readonly environment: Readonly<Record<string, string>>
  /** Takes EPC from the Node, as on one that is new. */
  renew(): void
}

const NODE = 'aks-sgx-12345678-vmss000000'
const EPC = 'sgx.intel.com/epc'

export async function startBenchApi(directory: string): Promise<BenchApi> {
  const account = join(directory, 'service-account')
  await mkdir(account, { recursive: true })
  const identity = await makeIdentity(directory, 'api')
  // as long as a service account's token
  const token = randomBytes(600).toString('base64url')
  await copyFile(identity.ca, join(account, 'ca.crt'))
  await writeFile(join(account, 'token'), token, { mode: 0o600 })
  const nodes = new StandInNodes()
  nodes.change(NODE, benchNode())
  const server = await serveStandInApi({ nodes, pods: benchPods(), token, identity })
  return {
    environment: {
      KUBERNETES_SERVICE_HOST: server.host,
      KUBERNETES_SERVICE_PORT: String(server.port),
      ALCOVE_SERVICE_ACCOUNT_DIR: account,
      DEVICE_PLUGIN_NODE_NAME: NODE,
    },
    renew: () => {
      const none = { [EPC]: null }
      nodes.change(NODE, { status: { capacity: none, allocatable: none } })
    },
    [Symbol.dispose]: () => server[Symbol.dispose](),
  }
}
