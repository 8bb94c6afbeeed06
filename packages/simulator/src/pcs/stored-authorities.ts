import { z } from 'zod'
import { PcsError } from './pcs-error.ts'

/** The authorities' certificates in PEM, for the caller to keep: signatures are random, so they cannot be made again. */
export interface StoredAuthorities {
  readonly root: string
  readonly processor: string
  readonly platform: string
  readonly tcbSigning: string
}

const pem = z.string().max(4_096)

const schema: z.ZodType<StoredAuthorities> = z.strictObject({
  root: pem,
  processor: pem,
  platform: pem,
  tcbSigning: pem,
})

/**
 * Reads what a caller kept as `JSON.stringify(stored)`. The certificates themselves are read when the PCS is created.
 *
 * @throws {PcsError} `ERR_SIMULATOR_AUTHORITIES`
 */
export function parseStoredAuthorities(json: string): StoredAuthorities {
  const result = schema.safeParse(jsonOf(json))
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new PcsError(issue?.path.join('.') || whole, issue?.message ?? 'malformed')
}

/** Where no single certificate is at fault. */
const whole = 'all'

function jsonOf(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw new PcsError(whole, 'not JSON', { cause })
  }
}
