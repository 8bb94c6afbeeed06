import { createHash } from 'node:crypto'

/** Signers of the platform's own enclaves; a program cannot be signed in their name. */
export const platformSignerPrefix = 'alcove-platform-'

/**
 * MRSIGNER of a simulated signer: SHA-256 of `alcove simulated signer`, a zero byte, and the name.
 * There is no key behind it: on the simulator anyone may sign in any name but the platform's.
 */
export function simulatedMrSigner(name: string): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(`alcove simulated signer\0${name}`).digest())
}

/** Whether only the platform may sign in that name. */
export function isPlatformSigner(name: string): boolean {
  return name.startsWith(platformSignerPrefix)
}
