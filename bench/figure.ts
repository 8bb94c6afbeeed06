/** What `npm run bench -- NAME` runs. */
export type Figure = (options: FigureOptions) => Promise<FigureReport>

export interface FigureOptions {
  /** Fewer and shorter runs. */
  readonly quick: boolean
  /** Says what is being measured, while it is. */
  readonly progress: (line: string) => void
}

/** The same figures for a person, at most 80 columns wide, and for a program. */
export interface FigureReport {
  readonly text: string
  readonly json: unknown
}
