const STRIDE = 16

/**
 * A number by which to find bytes again: of every sixteenth of them, which leaves out nothing as long as a key or a signature in base64.
 * Different bytes may have the same.
 */
export function keptNumber(bytes: Uint8Array): number {
  let number = bytes.byteLength
  for (let at = 0; at < bytes.byteLength; at += STRIDE) {
    number = Math.imul(number ^ (bytes[at] ?? 0), 0x0100_0193)
  }
  return number
}
