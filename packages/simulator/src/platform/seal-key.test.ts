import { equal, notEqual, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { AttributeFlag, KeyName, KeyPolicy, type KeyRequest } from '@alcove/sgx'
import fc from 'fast-check'
import { type Cpu, cpuFromSeed, type EnclaveIdentity, egetkey } from './keys.ts'
import { sealKeyDerivationData } from './seal-key.ts'

// The references have no byte vector of a SEAL key: what it is made of is held by laws.

const cpu = cpuFromSeed(
  new Uint8Array(32).fill(1),
  new Uint8Array(16).fill(5),
  new Uint8Array(32).fill(2),
)
const enclave: EnclaveIdentity = {
  mrEnclave: new Uint8Array(32).fill(3),
  mrSigner: new Uint8Array(32).fill(4),
  attributes: { flags: AttributeFlag.init | AttributeFlag.mode64 | AttributeFlag.kss, xfrm: 3n },
  miscSelect: 1,
  configId: new Uint8Array(64).fill(5),
  configSvn: 6,
  isvProdId: 7,
  isvSvn: 8,
  isvExtProdId: new Uint8Array(16).fill(9),
  isvFamilyId: new Uint8Array(16).fill(10),
}
const all = 0xffff_ffff_ffff_ffffn
const request: KeyRequest = {
  keyName: KeyName.seal,
  keyPolicy: KeyPolicy.mrEnclave,
  isvSvn: 8,
  cpuSvn: cpu.cpuSvn,
  attributeMask: { flags: all, xfrm: all },
  keyId: new Uint8Array(32).fill(11),
  miscMask: 0xffff_ffff,
  configSvn: 6,
}
const keyOf = (
  asked: Partial<KeyRequest> = {},
  who: Partial<EnclaveIdentity> = {},
  on: Partial<Cpu> = {},
) => egetkey({ ...cpu, ...on }, { ...enclave, ...who }, { ...request, ...asked }).toHex()

test('the same request has the same key, 16 bytes, and a REPORT key is another', () => {
  equal(keyOf(), keyOf())
  equal(keyOf().length, 32)
  notEqual(keyOf(), keyOf({ keyName: KeyName.report, keyPolicy: 0 }))
})

const other32 = new Uint8Array(32)
const identityOf: readonly (readonly [
  string,
  Partial<EnclaveIdentity>,
  (policy: number) => boolean,
])[] = [
  ['MRENCLAVE', { mrEnclave: other32 }, policy => (policy & KeyPolicy.mrEnclave) !== 0],
  ['MRSIGNER', { mrSigner: other32 }, policy => (policy & KeyPolicy.mrSigner) !== 0],
  ['ISVPRODID', { isvProdId: 1 }, policy => (policy & KeyPolicy.noIsvProdId) === 0],
  ['CONFIGID', { configId: new Uint8Array(64) }, policy => (policy & KeyPolicy.configId) !== 0],
  [
    'ISVFAMILYID',
    { isvFamilyId: new Uint8Array(16) },
    policy => (policy & KeyPolicy.isvFamilyId) !== 0,
  ],
  [
    'ISVEXTPRODID',
    { isvExtProdId: new Uint8Array(16) },
    policy => (policy & KeyPolicy.isvExtProdId) !== 0,
  ],
]

test('under each of the 64 policies, what it includes changes the key and what it excludes does not', t => {
  let cases = 0
  for (let keyPolicy = 0; keyPolicy < 64; keyPolicy++) {
    for (const [name, changed, isIncluded] of identityOf) {
      const differs = keyOf({ keyPolicy }, changed) !== keyOf({ keyPolicy })
      equal(differs, isIncluded(keyPolicy), `${name} under policy 0x${keyPolicy.toString(16)}`)
      cases++
    }
    const differs = keyOf({ keyPolicy, configSvn: 5 }) !== keyOf({ keyPolicy })
    equal(differs, (keyPolicy & KeyPolicy.configId) !== 0, `CONFIGSVN under 0x${keyPolicy}`)
    cases++
  }
  t.diagnostic(`SEAL keys: ${cases} inputs, each included or excluded by its policy`)
})

test('two policies never share a key', () => {
  const keys = Array.from({ length: 64 }, (_, keyPolicy) => keyOf({ keyPolicy }))
  equal(new Set(keys).size, 64)
})

test('the owner epoch, the key id, the CPU and each security version asked for change the key', () => {
  const keys = [
    keyOf(),
    keyOf({}, {}, { ownerEpoch: new Uint8Array(16) }),
    keyOf({}, {}, { baseSealKey: new Uint8Array(16) }),
    keyOf({ keyId: other32 }),
    keyOf({ isvSvn: 7 }),
    keyOf({ cpuSvn: new Uint8Array(16).fill(4) }),
  ]
  equal(new Set(keys).size, keys.length)
})

test('a SEAL key has the owner epoch in it, and a PROVISION key has not', () => {
  const provisioned = {
    attributes: { flags: enclave.attributes.flags | AttributeFlag.provisionKey, xfrm: 3n },
  }
  const ownerEpoch = new Uint8Array(16)
  for (const keyName of [KeyName.provision, KeyName.provisionSeal]) {
    equal(
      keyOf({ keyName, keyPolicy: 0 }, provisioned),
      keyOf({ keyName, keyPolicy: 0 }, provisioned, { ownerEpoch }),
    )
  }
  notEqual(
    keyOf({ keyName: KeyName.provision, keyPolicy: 0 }, provisioned),
    keyOf({ keyName: KeyName.provisionSeal, keyPolicy: 0 }, provisioned),
  )
})

test('attributes count as far as they are masked in, INIT and DEBUG always', () => {
  const none = { attributeMask: { flags: 0n, xfrm: 0n } }
  const withFlags = (flag: bigint) => ({
    attributes: { flags: enclave.attributes.flags | flag, xfrm: 3n },
  })
  const { debug, aexNotify } = AttributeFlag
  equal(keyOf(none), keyOf(none, withFlags(aexNotify)))
  notEqual(keyOf(none), keyOf(none, withFlags(debug)))
  notEqual(keyOf(), keyOf({}, withFlags(aexNotify)))
  const avx = { attributes: { ...enclave.attributes, xfrm: 7n } }
  equal(keyOf(none), keyOf(none, avx))
  notEqual(keyOf(), keyOf({}, avx))
  equal(keyOf({ miscMask: 0 }), keyOf({ miscMask: 0 }, { miscSelect: 0 }))
  notEqual(keyOf(), keyOf({}, { miscSelect: 0 }))
})

test('keys of earlier security versions are reached, those of later ones refused by name', () => {
  const above: readonly (readonly [string, Partial<KeyRequest>])[] = [
    ['ERR_SIMULATOR_KEY_ISVSVN', { isvSvn: 9 }],
    ['ERR_SIMULATOR_KEY_CONFIGSVN', { configSvn: 7 }],
    ['ERR_SIMULATOR_KEY_CPUSVN', { cpuSvn: cpu.cpuSvn.map((svn, at) => (at === 15 ? 6 : svn)) }],
    // Lower in the first component does not make up for higher in another.
    ['ERR_SIMULATOR_KEY_CPUSVN', { cpuSvn: cpu.cpuSvn.map((_, at) => (at === 15 ? 6 : 0)) }],
  ]
  for (const [code, asked] of above) throws(() => keyOf(asked), { code, aesmCode: 3 })
})

test('every request not above the current security versions has a key; every other has none', () => {
  const svn = fc.integer({ min: 0, max: 12 })
  const asked = fc.record({
    isvSvn: svn,
    configSvn: svn,
    cpuSvn: fc.uint8Array({ minLength: 16, maxLength: 16, max: 7 }),
  })
  fc.assert(
    fc.property(asked, ({ isvSvn, configSvn, cpuSvn }) => {
      const isReachable = isvSvn <= 8 && configSvn <= 6 && cpuSvn.every(one => one <= 5)
      const ask = () => keyOf({ isvSvn, configSvn, cpuSvn })
      if (isReachable) equal(ask().length, 32)
      else throws(ask, { code: /^ERR_SIMULATOR_KEY_(ISVSVN|CONFIGSVN|CPUSVN)$/ })
    }),
  )
})

test('a key of a CPUSVN stays the same when the CPU has a later one, and the later CPU has new ones too', () => {
  const raised = { cpuSvn: new Uint8Array(16).fill(6) }
  equal(keyOf(), keyOf({}, {}, raised))
  notEqual(keyOf(), keyOf({ cpuSvn: raised.cpuSvn }, {}, raised))
})

test('an enclave of a later ISVSVN and the same signer reaches what was sealed before', () => {
  const bySigner = { keyPolicy: KeyPolicy.mrSigner }
  equal(keyOf(bySigner), keyOf(bySigner, { isvSvn: 9, mrEnclave: other32 }))
})

test('reserved bits of the policy are refused, and those of KSS for an enclave without it', () => {
  const code = 'ERR_SIMULATOR_KEY_POLICY'
  for (let bit = 6; bit < 16; bit++) throws(() => keyOf({ keyPolicy: 1 << bit }), { code })
  const plain = { attributes: { flags: 5n, xfrm: 3n } }
  for (const keyPolicy of [4, 8, 16, 32]) {
    throws(() => keyOf({ keyPolicy }, plain), { code, message: /need an enclave with KSS/ })
  }
  for (const keyPolicy of [0, 1, 2, 3]) equal(keyOf({ keyPolicy }, plain).length, 32)
})

test('PROVISION keys are refused without the attribute, and unknown key names always', () => {
  for (const keyName of [KeyName.provision, KeyName.provisionSeal]) {
    throws(() => keyOf({ keyName }), { code: 'ERR_SIMULATOR_KEY_ATTRIBUTE' })
  }
  for (const keyName of [KeyName.einitToken, 5, 0xffff]) {
    throws(() => keyOf({ keyName }), { code: 'ERR_SIMULATOR_KEY_NAME' })
  }
})

test('the derivation has 300 bytes, each field at the offset of the table', () => {
  const data = sealKeyDerivationData(cpu, enclave, { ...request, keyPolicy: 0x3b })
  equal(data.byteLength, 300)
  const at = (offset: number, length: number) => data.subarray(offset, offset + length).toHex()
  equal(at(0x00, 8), '04003b0000000000')
  equal(at(0x28, 16), cpu.ownerEpoch.toHex())
  equal(at(0x38, 16), cpu.cpuSvn.toHex())
  equal(at(0x48, 4), '08000700')
  equal(at(0x4c, 32), '03'.repeat(32))
  equal(at(0x6c, 32), '04'.repeat(32))
  equal(at(0x8c, 32), '0b'.repeat(32))
  equal(at(0xac, 12), '01000000ffffffff06000000')
  equal(at(0xb8, 64), '05'.repeat(64))
  equal(at(0xf8, 16), '0a'.repeat(16))
  equal(at(0x108, 16), '09'.repeat(16))
})
