import * as z from 'zod'
import { CollateralError } from './collateral-error.ts'

/**
 * What `text` says, as `schema` names it.
 *
 * @throws {CollateralError} `ERR_COLLATERAL_FORMAT` for what is not JSON, `ERR_COLLATERAL_VALUE` with the first wrong field
 */
export function parseJson<T>(text: string, name: string, schema: z.ZodType<T>): T {
  const result = schema.safeParse(untypedJson(text, name))
  if (result.success) return result.data
  const [issue] = result.error.issues
  const field = [name, ...(issue?.path ?? [])].join('.')
  throw new CollateralError('ERR_COLLATERAL_VALUE', field, issue?.message ?? 'invalid')
}

function untypedJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new CollateralError('ERR_COLLATERAL_FORMAT', name, 'not JSON', { cause: error })
  }
}

/** Lower-case hex of exactly `bytes` bytes; either case is read. */
export function hexOf(bytes: number): z.ZodType<string> {
  const pattern = new RegExp(`^[0-9a-fA-F]{${2 * bytes}}$`)
  return z
    .string()
    .regex(pattern, `want ${bytes} bytes in hex`)
    .transform(hex => hex.toLowerCase())
}

/** A time as Intel writes it: `2025-06-19T10:01:18Z`. */
export const utcSecond: z.ZodType<Date> = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'want a time like 2025-06-19T10:01:18Z')
  .transform((text, context) => {
    const date = new Date(text)
    // A day that does not exist would roll over into the next month.
    if (!Number.isNaN(date.getTime()) && date.toISOString() === text.replace('Z', '.000Z')) {
      return date
    }
    context.addIssue({ code: 'custom', message: `no such time: ${text}` })
    return z.NEVER
  })

/** An unsigned integer of at most `max`. */
export function unsigned(max: number): z.ZodType<number> {
  return z.number().int().min(0).max(max)
}

export const advisoryIds: z.ZodType<string[] | undefined> = z
  .array(z.string().max(64))
  .max(256)
  .optional()
