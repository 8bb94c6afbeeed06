import { performance } from 'node:perf_hooks'
import type { Building, BuildProgress } from './build-progress.ts'

export interface EntryReport {
  /** Another run is building. */
  readonly onWait: () => void
  /** This one is, and has come this far. */
  readonly onBuilding: (building: Building) => void
}

type Step = { readonly step: 'waiting' } | ({ readonly step: 'building' } & Building)

const TICK_MS = 1000

/** Reports how the making of a part goes: as it goes, and every second, since a linker says nothing for half a minute. */
export async function reportedEntry<T>(
  part: string,
  onProgress: (progress: BuildProgress) => void,
  make: (report: EntryReport) => Promise<T>,
): Promise<T> {
  const startedMs = performance.now()
  let now: Step | undefined
  const report = (step: Step | undefined): void => {
    now = step
    if (step) onProgress({ part, elapsedMs: performance.now() - startedMs, ...step })
  }
  const ticks = setInterval(() => report(now), TICK_MS)
  try {
    const made = await make({
      onWait: () => report({ step: 'waiting' }),
      onBuilding: building => report({ step: 'building', ...building }),
    })
    const cached = now?.step !== 'building'
    onProgress({ part, elapsedMs: performance.now() - startedMs, step: 'ready', cached })
    return made
  } finally {
    clearInterval(ticks)
  }
}
