import type { GoOutput } from './go-output.ts'

/** Where the making of one part stands. */
export type BuildProgress = { readonly part: string; readonly elapsedMs: number } & (
  | { readonly step: 'waiting' }
  | ({ readonly step: 'building' } & Building)
  | { readonly step: 'ready'; readonly cached: boolean }
)

export interface Building extends Pick<GoOutput, 'modules' | 'packages' | 'latest'> {
  /** Programs that are there already; none while a module is only resolved. Go says nothing while it links. */
  readonly linked?: number
  readonly programs?: number
}

/** One line: which part, for how long, and something that moves. */
export function progressText(progress: BuildProgress): string {
  const { part, elapsedMs } = progress
  const after = `${part} · ${Math.floor(elapsedMs / 1000)} s`
  switch (progress.step) {
    case 'waiting':
      return `${after} · another run is building; this one waits for it`
    case 'building': {
      const { modules, packages, latest, linked, programs } = progress
      const counts = [
        modules > 0 ? `${modules} modules fetched` : '',
        packages > 0 ? `${packages} packages compiled` : '',
        programs === undefined ? '' : `${linked} of ${programs} programs`,
        latest,
      ]
      return [after, ...counts.filter(word => word !== '')].join(' · ')
    }
    case 'ready':
      return progress.cached ? `${part} · from the cache` : `${after} · built`
  }
}

/** What a reporter writes to; `columns` only where it is a terminal. */
export interface ProgressSink {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

/** A pipe or a log file gets a line this often. */
const LINE_EVERY_MS = 15_000
const REWRITE_EVERY_MS = 200

/**
 * Says how a build goes: on a terminal in one line that is rewritten, elsewhere in a line every 15 seconds. The start
 * and the end of a part's build are always said; a part from the cache is not worth a line of its own.
 */
export function progressReporter(sink: ProgressSink): (progress: BuildProgress) => void {
  const tty = sink.isTTY === true
  const lineStart = tty ? '\r\u001b[K' : ''
  const everyMs = tty ? REWRITE_EVERY_MS : LINE_EVERY_MS
  let said = { about: '', atMs: 0 }
  return progress => {
    const { step, part, elapsedMs } = progress
    const text = progressText(progress)
    if (step === 'ready') {
      if (!progress.cached) sink.write(`${lineStart}${text}\n`)
      said = { about: '', atMs: 0 }
      return
    }
    const about = `${part} ${step}`
    if (about === said.about && elapsedMs - said.atMs < everyMs) return
    said = { about, atMs: elapsedMs }
    sink.write(tty ? `${lineStart}${text.slice(0, (sink.columns ?? 80) - 1)}` : `${text}\n`)
  }
}
