import { createCipheriv } from 'node:crypto'

/** AES-128-CMAC (RFC 4493), which EREPORT computes over a report body. For tests only. */
export function cmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  const zero = new Uint8Array(16)
  const [k1, k2] = subkeys(encrypt(key, zero))
  const blocks = Math.max(1, Math.ceil(message.byteLength / 16))
  const tail = message.subarray((blocks - 1) * 16)
  const last = new Uint8Array(16)
  last.set(tail)
  if (tail.byteLength < 16) last[tail.byteLength] = 0x80
  let state: Uint8Array = zero
  for (let block = 0; block < blocks - 1; block++) {
    state = encrypt(key, xor(state, message.subarray(block * 16, block * 16 + 16)))
  }
  return encrypt(key, xor(state, xor(last, tail.byteLength === 16 ? k1 : k2)))
}

function subkeys(l: Uint8Array): [Uint8Array, Uint8Array] {
  const k1 = double(l)
  return [k1, double(k1)]
}

function double(block: Uint8Array): Uint8Array {
  const value = BigInt(`0x${block.toHex()}`)
  const shifted = ((value << 1n) & ((1n << 128n) - 1n)) ^ (value >> 127n ? 0x87n : 0n)
  return Uint8Array.fromHex(shifted.toString(16).padStart(32, '0'))
}

function encrypt(key: Uint8Array, block: Uint8Array): Uint8Array {
  return createCipheriv('aes-128-ecb', key, null).setAutoPadding(false).update(block)
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, index) => byte ^ (b[index] ?? 0))
}
