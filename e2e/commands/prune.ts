import { join } from 'node:path'
import { cacheDirectory } from '../build/cache-directory.ts'
import { pruneParts } from '../build/prune-parts.ts'
import { type CommandDeps, prepare } from './prepare.ts'

/** `npm run cluster -- prune`: of everything that was ever built, the parts of one release stay. */
export async function prune(kubernetes: string, deps: CommandDeps): Promise<void> {
  const { print, environment, signal } = deps
  const cache = cacheDirectory(environment)
  const wanted = ['helm', 'metrics-server'] as const
  const parts = await prepare({ kubernetes, wanted, install: false }, deps)
  const kept = [
    parts.kubernetesBin,
    parts.runtimeBin,
    parts.cniBin,
    join(cache, 'images'),
    join(cache, 'clusters'),
  ]
  const optional = [parts.helm, parts.metricsServer].filter(path => path !== undefined)
  const onWait = (): void => print('waiting for another run that builds')
  const { removed, bytes } = await pruneParts({
    cache,
    keep: [...kept, ...optional],
    signal,
    onWait,
  })
  print(`${removed.length} parts deleted, ${Math.round(bytes / 1e6)} MB`)
}
