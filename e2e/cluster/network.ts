import { readdir } from 'node:fs/promises'
import { command } from './command.ts'
import { type ClusterLayout, CONTROL_PLANE, namespaceOf, namespacePrefix } from './layout.ts'

/** The control plane's address, on the bridge that all nodes are at. Only the cluster's own namespaces know these addresses. */
export const CONTROL_PLANE_ADDRESS = '172.31.0.1'
export const API_SERVER: string = `https://${CONTROL_PLANE_ADDRESS}:6443`
export const SERVICE_RANGE = '10.96.0.0/16'
export const POD_RANGE = '10.244.0.0/16'

const BRIDGE = 'br0'

/** A node's place in the network: 11 is 172.31.0.11 with the pods 10.244.11.0/24. */
export function addressOf(number: number): string {
  return `172.31.0.${number}`
}

export function podRangeOf(number: number): string {
  return `10.244.${number}.0/24`
}

/** The control plane's network namespace, with the bridge that stands for the machines' network. */
export async function openControlPlaneNetwork(layout: ClusterLayout): Promise<void> {
  const namespace = namespaceOf(layout, CONTROL_PLANE)
  await command('ip', ['netns', 'add', namespace])
  await configure(namespace, [
    'link set lo up',
    `link add ${BRIDGE} type bridge`,
    `addr add ${CONTROL_PLANE_ADDRESS}/24 dev ${BRIDGE}`,
    `link set ${BRIDGE} up`,
  ])
  await forward(namespace)
}

/** A node's network namespace, a cable from it to the bridge, and the way to its pods. */
export async function openNodeNetwork(
  layout: ClusterLayout,
  node: { readonly name: string; readonly number: number },
): Promise<void> {
  const namespace = namespaceOf(layout, node.name)
  const bridged = namespaceOf(layout, CONTROL_PLANE)
  const cable = `v${node.number}`
  await command('ip', ['netns', 'add', namespace])
  await configure(bridged, [
    `link add ${cable} type veth peer name eth0 netns ${namespace}`,
    `link set ${cable} master ${BRIDGE} up`,
  ])
  await configure(namespace, [
    `addr add ${addressOf(node.number)}/24 dev eth0`,
    'link set eth0 up',
    'link set lo up',
    `route add default via ${CONTROL_PLANE_ADDRESS}`,
  ])
  // `replace`: that of a node that was taken away is still there, and goes nowhere
  const way = `${podRangeOf(node.number)} via ${addressOf(node.number)}`
  await configure(bridged, [`route replace ${way}`])
  await forward(namespace)
}

/** The cable is pulled first: with the namespace of its end alone it would go too, but some time later. */
export async function closeNodeNetwork(layout: ClusterLayout, node: string): Promise<void> {
  const namespace = namespaceOf(layout, node)
  const links = await command('ip', ['-netns', namespace, '-oneline', 'link', 'show'])
  if (/ eth0@/.test(links)) await configure(namespace, ['link del eth0'])
  await command('ip', ['netns', 'del', namespace])
}

/** Deletes every network namespace of the cluster, and with them its cables and its bridge. */
export async function closeNetworks(layout: ClusterLayout): Promise<void> {
  const prefix = namespacePrefix(layout)
  const all = await readdir('/run/netns').catch(() => [])
  for (const namespace of all.filter(name => name.startsWith(prefix))) {
    await endProcesses(namespace)
    await command('ip', ['netns', 'del', namespace])
  }
}

/** Whatever is in a namespace of the cluster is the cluster's, even where nobody has written down that it was started. */
async function endProcesses(namespace: string): Promise<void> {
  const pids = await command('ip', ['netns', 'pids', namespace])
  for (const pid of pids.split('\n').filter(Boolean).map(Number)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'ESRCH')) throw cause
    }
  }
}

async function configure(namespace: string, lines: readonly string[]): Promise<void> {
  const input = `${lines.join('\n')}\n`
  await command('ip', ['-netns', namespace, '-batch', '-'], { input })
}

async function forward(namespace: string): Promise<void> {
  const file = '/proc/sys/net/ipv4/ip_forward'
  await command('nsenter', [`--net=/run/netns/${namespace}`, 'sh', '-c', `echo 1 > ${file}`])
}
