import { glob, readFile } from 'node:fs/promises'
import { waitUntil } from '../kube/wait.ts'
import { type NodeHandle, onDisk } from './world.ts'

/** A line of a daemon's log. */
export interface LogLine {
  readonly time: Date
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** What a container of Alcove's has printed on a node, read from the node's disk: there is no kubelet to ask while it restarts. */
export async function daemonLog(node: NodeHandle, container: string): Promise<readonly LogLine[]> {
  const lines: LogLine[] = []
  const pattern = `alcove-system_*/${container}/*.log`
  for await (const path of glob(pattern, { cwd: onDisk(node, '/var/log/pods') })) {
    const text = await readFile(`${onDisk(node, '/var/log/pods')}/${path}`, 'utf8')
    lines.push(...text.split('\n').flatMap(parseLine))
  }
  return lines.toSorted((a, b) => a.time.getTime() - b.time.getTime())
}

/** How long after `sinceMs`, in milliseconds, the plugin on a node says that a resource is registered. */
export async function registeredAfter(
  node: NodeHandle,
  resource: string,
  sinceMs: number,
): Promise<number> {
  return waitUntil(
    async () => {
      const registered = (await daemonLog(node, 'device-plugin')).find(
        ({ event, fields, time }) =>
          event === 'registered' &&
          fields['resource'] === resource &&
          time.getTime() >= Math.floor(sinceMs),
      )
      return registered && registered.time.getTime() - sinceMs
    },
    { what: `${resource} registered on ${node.name}` },
  )
}

/** `2026-11-24T22:57:31.123Z stdout F {"level":…}`: the form that container runtimes write. */
function parseLine(line: string): readonly LogLine[] {
  const json = /^\S+ stdout F (\{.*\})$/.exec(line)?.[1]
  if (json === undefined) return []
  const fields: Record<string, unknown> = JSON.parse(json)
  const { time, event } = fields
  if (typeof time !== 'string' || typeof event !== 'string') return []
  return [{ time: new Date(time), event, fields }]
}
