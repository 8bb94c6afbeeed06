import { tdAttributeNames } from '@alcove/sgx'
import * as z from 'zod'
import type { Allowed } from './policy.ts'
import { type TcbStatus, tcbStatuses } from './tcb-status.ts'

// The kinds of value that a policy file has. Each message says what to write.

/** A status that a policy may accept. */
export function acceptableStatus(): z.ZodType<TcbStatus, TcbStatus> {
  const acceptable = tcbStatuses.filter(status => status !== 'Revoked')
  return z.enum(acceptable, {
    error: ({ input }) =>
      input === 'Revoked'
        ? 'Revoked: a revoked platform is never accepted; leave it out'
        : `want a TCB status: ${acceptable.join(', ')}`,
  })
}

export function flag(): z.ZodType<boolean, boolean> {
  return z.boolean({ error: 'want true or false, without quotes' })
}

export function integer(max: number): z.ZodType<number, number> {
  const error = `want an integer from 0 to ${max}, without quotes`
  return z.int({ error }).min(0, { error }).max(max, { error })
}

/** `"any"`, or a list of byte strings of this length. */
export function allowed(bytes: number): z.ZodType<Allowed, Allowed> {
  const digits = bytes * 2
  const error = `want ${digits} hex digits`
  const hex = z.string({ error }).regex(new RegExp(`^[0-9a-fA-F]{${digits}}$`), { error })
  return anyOr(hex, `${digits} hex digits each`)
}

export function anyOr(value: z.ZodType<string, string>, what: string): z.ZodType<Allowed, Allowed> {
  return z.union([z.literal('any'), z.array(value)], {
    error: `want "any", or a list of ${what}: [] allows none`,
  })
}

/** Up to so many bytes, in hex. */
export function bytesInHex(most: number): z.ZodType<Uint8Array, string> {
  const error = `want at most ${most * 2} hex digits, two for each byte`
  return z
    .string({ error })
    .regex(new RegExp(`^(?:[0-9a-fA-F]{2}){0,${most}}$`), { error })
    .transform(text => Uint8Array.fromHex(text))
}

/** RFC 3339 with a zone. */
export function time(): z.ZodType<Date, string> {
  return z.iso
    .datetime({ offset: true, error: 'want a time with its zone: "2025-03-12T00:00:00Z"' })
    .transform(text => new Date(text))
}

const tdBits: ReadonlyMap<string, bigint> = new Map(
  Array.from({ length: 64 }, (_, index) => 1n << BigInt(index)).flatMap(bit =>
    tdAttributeNames(bit)
      .filter(name => !name.startsWith('bit '))
      .map(name => [name, bit] as const),
  ),
)

/** Bits of TDATTRIBUTES: their names, or all of them as a number in hex. */
export function tdAttributeBits(): z.ZodType<bigint, readonly string[] | string> {
  const names = [...tdBits.keys()]
  const nameError = `want a name: ${names.join(', ')}; or write all bits as "0x…"`
  const error = `want a list of names, such as ["SEPT_VE_DISABLE"], or at most 16 hex digits: "0x10000000"`
  return z
    .union(
      [
        z.array(z.enum(names, { error: nameError })),
        z.string().regex(/^0x[0-9a-fA-F]{1,16}$/, { error }),
      ],
      { error },
    )
    .transform(found =>
      typeof found === 'string'
        ? BigInt(found)
        : found.reduce((bits, name) => bits | (tdBits.get(name) ?? 0n), 0n),
    )
}
