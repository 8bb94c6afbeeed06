import { z } from 'zod'
import { SimulatorError } from '../simulator-error.ts'

/** What the simulated PCS has published since its first TCB info: one entry for each TCB recovery, the oldest first. */
export interface Publication {
  readonly recoveries: readonly Recovery[]
}

/** A TCB recovery: from then on, what ran before is out of date, and the advisory says why. */
export interface Recovery {
  /** `2026-11-24T12:00:00Z` */
  readonly tcbDate: string
  readonly advisory: string
}

/** Nothing but the first TCB info. */
export const firstPublication: Publication = { recoveries: [] }

/** Most recoveries of a simulated PCS: each adds four levels to its TCB info. */
export const maxRecoveries = 32

/** Of TCB info and QE identity alike. */
export function tcbEvaluationDataNumber({ recoveries }: Publication): number {
  return 1 + recoveries.length
}

/** Advisories 1 to 4 are those of the first TCB info. */
const advisoriesBefore = 4

/**
 * The publication after one more TCB recovery.
 *
 * @param at to the second below
 * @throws {SimulatorError} `ERR_SIMULATOR_STATE` after the 32nd
 */
export function recover({ recoveries }: Publication, at: Date): Publication {
  if (recoveries.length >= maxRecoveries) {
    const message = `there were ${maxRecoveries} TCB recoveries here, the most allowed: use a new state directory`
    throw new SimulatorError('ERR_SIMULATOR_STATE', message)
  }
  const number = advisoriesBefore + recoveries.length + 1
  const advisory = `ALCOVE-SIM-SA-${String(number).padStart(5, '0')}`
  const tcbDate = `${at.toISOString().slice(0, 19)}Z`
  return { recoveries: [...recoveries, { tcbDate, advisory }] }
}

const schema = z.strictObject({
  version: z.literal(1),
  recoveries: z
    .array(
      z.strictObject({
        tcbDate: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
        advisory: z.string().regex(/^ALCOVE-SIM-SA-\d{5}$/),
      }),
    )
    .max(maxRecoveries),
})

/**
 * Reads the PCS's state file, `pcs.json`.
 *
 * @param file its path, for the refusal
 * @throws {SimulatorError} `ERR_SIMULATOR_STATE`
 * @see docs/formats/simulated-pki.md
 */
export function parsePublication(file: string, json: string): Publication {
  const { recoveries } = parseState(file, schema, json)
  return { recoveries }
}

export function encodePublication({ recoveries }: Publication): string {
  return `${JSON.stringify({ version: 1, recoveries }, undefined, 2)}\n`
}

/** @throws {SimulatorError} `ERR_SIMULATOR_STATE` naming the file and every wrong field */
export function parseState<T>(file: string, of: z.ZodType<T>, json: string): T {
  const refused = (detail: string, cause?: unknown) =>
    new SimulatorError(
      'ERR_SIMULATOR_STATE',
      `${file}: ${detail}: delete the file to begin anew, or use the version of Alcove that wrote it`,
      { cause },
    )
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (cause) {
    throw refused('not JSON', cause)
  }
  const parsed = of.safeParse(value)
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues.map(
    issue => `${issue.path.join('.') || '(top)'}: ${issue.message}`,
  )
  throw refused(issues.join('; '))
}
