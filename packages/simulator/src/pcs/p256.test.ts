import { equal, notEqual, throws } from 'node:assert/strict'
import { createPublicKey, sign, verify } from 'node:crypto'
import { test } from 'node:test'
import { deriveBytes, deriveP256, p256FromScalar, p256Order } from './p256.ts'

const seed = new Uint8Array(32).fill(7)
const jwk = (key: ReturnType<typeof deriveP256>) => key.export({ format: 'jwk' })

test('seed, label and context make the key, and nothing else does', () => {
  const context = Uint8Array.of(1, 2)
  const key = deriveP256(seed, 'root', context)
  equal(key.equals(deriveP256(Uint8Array.from(seed), 'root', Uint8Array.of(1, 2))), true)
  for (const other of [
    deriveP256(new Uint8Array(32).fill(8), 'root', context),
    deriveP256(seed, 'leaf', context),
    deriveP256(seed, 'root', Uint8Array.of(1, 3)),
    deriveP256(seed, 'root'),
  ]) {
    notEqual(jwk(other).d, jwk(key).d)
  }
})

test('a label is not confused with a context', () => {
  const bytes = (label: string, context: string) =>
    deriveBytes(seed, label, new TextEncoder().encode(context), 32).toHex()
  notEqual(bytes('ab', 'c'), bytes('a', 'bc'))
})

test('the order is the order: its predecessor mirrors the generator, and itself is no key', () => {
  equal(jwk(p256FromScalar(p256Order - 1n)).x, jwk(p256FromScalar(1n)).x)
  notEqual(jwk(p256FromScalar(p256Order - 1n)).y, jwk(p256FromScalar(1n)).y)
  throws(() => p256FromScalar(p256Order))
  throws(() => p256FromScalar(0n))
})

test('the public half of a derived key verifies what the private half signs', () => {
  const key = deriveP256(seed, 'root')
  const message = Uint8Array.of(1, 2, 3)
  equal(verify('sha256', message, createPublicKey(key), sign('sha256', message, key)), true)
})
