import { createCipheriv } from 'node:crypto'
import { ByteWriter, concatBytes } from '@alcove/bytes'

const blockBytes = 16

/**
 * AES-128-CMAC: the MAC of a REPORT, and the function by which SGX keys are derived.
 *
 * @param key 16 bytes
 * @see RFC 4493, sections 2.3 (subkeys) and 2.4 (MAC)
 */
export function aesCmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  const blocks = Math.max(1, Math.ceil(message.byteLength / blockBytes))
  const lastStart = (blocks - 1) * blockBytes
  const last = message.subarray(lastStart)
  const k1 = double(encrypt('aes-128-ecb', key, null, new Uint8Array(blockBytes)))
  const sealed = last.byteLength === blockBytes ? xor(last, k1) : xor(pad(last), double(k1))
  const chained = concatBytes(message.subarray(0, lastStart), sealed)
  return encrypt('aes-128-cbc', key, new Uint8Array(blockBytes), chained).slice(-blockBytes)
}

function encrypt(cipher: string, key: Uint8Array, iv: Uint8Array | null, input: Uint8Array) {
  return Uint8Array.from(createCipheriv(cipher, key, iv).setAutoPadding(false).update(input))
}

/** Multiplication by x in GF(2^128): a left shift, and the polynomial 0x87 where a bit falls out. */
function double(block: Uint8Array): Uint8Array {
  const carry = (block[0] ?? 0) >> 7
  const shifted = block.map((byte, index) => (byte << 1) | ((block[index + 1] ?? 0) >> 7))
  return shifted.map((byte, index) => (index === blockBytes - 1 ? byte ^ (carry * 0x87) : byte))
}

function pad(partial: Uint8Array): Uint8Array {
  const zeros = blockBytes - 1 - partial.byteLength
  return new ByteWriter('cmac').rest(partial).u8('padding', 0x80).zeros(zeros).done()
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, index) => byte ^ (b[index] ?? 0))
}
