import { setTimeout as delay } from 'node:timers/promises'
import { readCpuMs } from './process-figures.ts'
import type { RestartingKubelet } from './restarting-kubelet.ts'

/** A plugin that runs and is registered. */
export interface RegisteredPlugin {
  readonly name: string
  readonly pid: number
  readonly kubelet: RestartingKubelet
}

export interface RestartPlan {
  readonly restarts: number
  /** How long there is no kubelet. */
  readonly downMs: number
  /** From registered to the next plugin's turn: lists are sent, former sockets closed. */
  readonly settleMs: number
}

export interface PluginRestarts {
  readonly plugin: string
  /** From when the kubelet's socket was there again. */
  readonly ms: readonly number[]
  /** Running time of the plugin's threads, from before the kubelet ended. */
  readonly cpuMs: readonly number[]
}

const WITHIN_MS = 30_000

/** Restarts the plugins' kubelets in turn, one at a time; answers how long each plugin took. */
export async function measureRestarts(
  plugins: readonly RegisteredPlugin[],
  { restarts, downMs, settleMs }: RestartPlan,
): Promise<readonly PluginRestarts[]> {
  const measured = plugins.map(plugin => ({ plugin, ms: [] as number[], cpuMs: [] as number[] }))
  for (let restart = 0; restart < restarts; restart++) {
    for (const { plugin, ms, cpuMs } of measured) {
      const { pid, kubelet } = plugin
      const cpuBefore = await readCpuMs(pid)
      await kubelet.stop()
      await delay(downMs)
      const registered = kubelet
        .registered(AbortSignal.timeout(WITHIN_MS))
        .then(() => performance.now())
      const [listeningAt, registeredAt] = await Promise.all([kubelet.start(), registered])
      ms.push(registeredAt - listeningAt)
      cpuMs.push((await readCpuMs(pid)) - cpuBefore)
      await delay(settleMs)
    }
  }
  return measured.map(({ plugin, ...figures }) => ({ plugin: plugin.name, ...figures }))
}
