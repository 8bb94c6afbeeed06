import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { command } from '../cluster/command.ts'
import { type ClusterLayout, clusterLayout, nodeDirectory } from '../cluster/layout.ts'
import { daemonsOf, inMachine, stopMachine } from '../cluster/machine.ts'
import { bootNode, removeNode, startNode } from '../cluster/node.ts'
import type { NodeSpec } from '../cluster/node-spec.ts'
import { readRecord } from '../cluster/record.ts'
import { type Api, connectApi } from '../kube/api.ts'
import { isReady, waitForNode } from '../kube/nodes.ts'
import { deletePodsOf } from '../kube/pods.ts'

/** The cluster that the stories run on. */
export interface World {
  /** How often a story does what it does many times, if it was told. */
  readonly times: number | undefined
  readonly layout: ClusterLayout
  readonly api: Api
  kubectl(args: readonly string[], input?: string): Promise<string>
  node(name: string): NodeHandle
  /** A node more, Ready, for the length of a story. */
  addNode(spec: NodeSpec): Promise<NodeHandle & AsyncDisposable>
}

/** A node's machine, as somebody sees it who stands in front of it. */
export interface NodeHandle {
  readonly name: string
  /** The node's files on the machine's disk: `disk/var/lib/kubelet` and others are below. */
  readonly directory: string
  /** Runs a program on the node itself, outside any container. */
  run(program: string, ...args: readonly string[]): Promise<string>
  /** Kills a daemon of the node (`kubelet`, `containerd`), which its service manager starts again after 300 ms. Answers its pid. */
  kill(daemon: string): Promise<number>
  /** Pulls the plug and boots. */
  reboot(): Promise<void>
}

/** Where `npm run e2e` tells its stories which cluster is theirs. */
export const WORLD_HOME = 'ALCOVE_E2E_HOME'
export const WORLD_NAME = 'ALCOVE_E2E_NAME'
export const WORLD_TIMES = 'ALCOVE_E2E_TIMES'
export const WORLD_EPC_MODE = 'ALCOVE_E2E_EPC_MODE'

/** How EPC is offered while the stories run. */
export function epcMode(): 'bytes' | 'devices' {
  return process.env[WORLD_EPC_MODE] === 'bytes' ? 'bytes' : 'devices'
}

export function openWorld(): World {
  const { [WORLD_NAME]: name, [WORLD_HOME]: home, [WORLD_TIMES]: times } = process.env
  if (name === undefined || home === undefined) {
    throw new Error(`stories run by npm run e2e, which sets ${WORLD_HOME} and ${WORLD_NAME}`)
  }
  const layout = clusterLayout(name, home)
  return {
    times: times === undefined ? undefined : Number(times),
    layout,
    api: connectApi(layout.apiSocket),
    kubectl: (args, input) => command(layout.kubectl, args, input === undefined ? {} : { input }),
    node: node => handleOf(layout, node),
    addNode: spec => addNode(layout, spec),
  }
}

async function addNode(
  layout: ClusterLayout,
  spec: NodeSpec,
): Promise<NodeHandle & AsyncDisposable> {
  const api = connectApi(layout.apiSocket)
  const { parts } = await readRecord(layout)
  const remove = async (): Promise<void> => {
    await removeNode(layout, spec.name)
    await api.raw('DELETE', `/api/v1/nodes/${spec.name}`)
    await deletePodsOf(api, spec.name)
  }
  if (existsSync(nodeDirectory(layout, spec.name))) await remove() // what a killed run left
  await startNode(layout, spec, parts)
  await waitForNode(api, spec.name, isReady, { what: `${spec.name} Ready` })
  return { ...handleOf(layout, spec.name), [Symbol.asyncDispose]: remove }
}

function handleOf(layout: ClusterLayout, name: string): NodeHandle {
  const directory = nodeDirectory(layout, name)
  return {
    name,
    directory,
    run: (program, ...args) => inMachine(directory, program, args),
    kill: async daemon => {
      for (;;) {
        const [pid] = await daemonsOf(directory, daemon)
        if (pid !== undefined) {
          process.kill(pid, 'SIGKILL')
          return pid
        }
        await sleep(20)
      }
    },
    reboot: async () => {
      await stopMachine(directory)
      await bootNode(layout, name)
    },
  }
}

/** A path on a node's disk, as this machine sees it. */
export function onDisk(node: NodeHandle, path: string): string {
  return join(node.directory, 'disk', path)
}
