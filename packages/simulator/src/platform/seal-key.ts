import { ByteWriter } from '@alcove/bytes'
import { AttributeFlag, type Attributes, KeyName, KeyPolicy, type KeyRequest } from '@alcove/sgx'
import { SimulatorError } from '../simulator-error.ts'
import type { Cpu, EnclaveIdentity } from './keys.ts'

/**
 * What a key of the sealing kind (SEAL, PROVISION, PROVISION_SEAL) is the CMAC of, 300 bytes. What the policy leaves out
 * is zero.
 *
 * | offset | size | field         | from                                       |
 * | -----: | ---: | ------------- | ------------------------------------------ |
 * |  0x000 |    2 | keyName       | request                                    |
 * |  0x002 |    2 | keyPolicy     | request                                    |
 * |  0x004 |    4 | zero          |                                            |
 * |  0x008 |   16 | attributes    | enclave, masked                            |
 * |  0x018 |   16 | attributeMask | request                                    |
 * |  0x028 |   16 | ownerEpoch    | CPU; SEAL only                             |
 * |  0x038 |   16 | cpuSvn        | request                                    |
 * |  0x048 |    2 | isvSvn        | request                                    |
 * |  0x04a |    2 | isvProdId     | enclave, unless NOISVPRODID                |
 * |  0x04c |   32 | mrEnclave     | enclave, if MRENCLAVE                      |
 * |  0x06c |   32 | mrSigner      | enclave, if MRSIGNER; always for PROVISION |
 * |  0x08c |   32 | keyId         | request; SEAL only                         |
 * |  0x0ac |    4 | miscSelect    | enclave, masked                            |
 * |  0x0b0 |    4 | miscMask      | request                                    |
 * |  0x0b4 |    2 | configSvn     | request, if CONFIGID                       |
 * |  0x0b6 |    2 | zero          |                                            |
 * |  0x0b8 |   64 | configId      | enclave, if CONFIGID                       |
 * |  0x0f8 |   16 | isvFamilyId   | enclave, if ISVFAMILYID                    |
 * |  0x108 |   16 | isvExtProdId  | enclave, if ISVEXTPRODID                   |
 * |  0x118 |   20 | zero          |                                            |
 *
 * @see docs/formats/simulated-enclave.md, which says what of this is the SDK's and what Alcove's own
 */
export function sealKeyDerivationData(
  cpu: Cpu,
  enclave: EnclaveIdentity,
  request: KeyRequest,
): Uint8Array {
  const isSeal = request.keyName === KeyName.seal
  const includes = (bit: number) => isSeal && (request.keyPolicy & bit) !== 0
  const when = (included: boolean, value: Uint8Array) =>
    included ? value : new Uint8Array(value.byteLength)
  const attributes = maskedAttributes(enclave.attributes, request.attributeMask)
  return new ByteWriter('sealKeyDerivation')
    .u16le('keyName', request.keyName)
    .u16le('keyPolicy', request.keyPolicy)
    .zeros(4)
    .u64le('attributes.flags', attributes.flags)
    .u64le('attributes.xfrm', attributes.xfrm)
    .u64le('attributeMask.flags', request.attributeMask.flags)
    .u64le('attributeMask.xfrm', request.attributeMask.xfrm)
    .bytes('ownerEpoch', when(isSeal, cpu.ownerEpoch), 16)
    .bytes('cpuSvn', request.cpuSvn, 16)
    .u16le('isvSvn', request.isvSvn)
    .u16le('isvProdId', includes(KeyPolicy.noIsvProdId) ? 0 : enclave.isvProdId)
    .bytes('mrEnclave', when(includes(KeyPolicy.mrEnclave), enclave.mrEnclave), 32)
    .bytes('mrSigner', when(!isSeal || includes(KeyPolicy.mrSigner), enclave.mrSigner), 32)
    .bytes('keyId', when(isSeal, request.keyId), 32)
    .u32le('miscSelect', (enclave.miscSelect & request.miscMask) >>> 0)
    .u32le('miscMask', request.miscMask)
    .u16le('configSvn', includes(KeyPolicy.configId) ? request.configSvn : 0)
    .zeros(2)
    .bytes('configId', when(includes(KeyPolicy.configId), enclave.configId), 64)
    .bytes('isvFamilyId', when(includes(KeyPolicy.isvFamilyId), enclave.isvFamilyId), 16)
    .bytes('isvExtProdId', when(includes(KeyPolicy.isvExtProdId), enclave.isvExtProdId), 16)
    .zeros(20)
    .done()
}

/** INIT and DEBUG always count: a debug enclave never has a production enclave's keys. */
function maskedAttributes(attributes: Attributes, mask: Attributes): Attributes {
  const { init, debug } = AttributeFlag
  return {
    flags: (mask.flags | init | debug) & attributes.flags,
    xfrm: mask.xfrm & attributes.xfrm,
  }
}

/**
 * Security versions that an enclave may ask keys of: its own and those before.
 *
 * @throws {SimulatorError} `ERR_SIMULATOR_KEY_ISVSVN`, `_CONFIGSVN`, `_CPUSVN`
 */
export function checkSvns(cpu: Cpu, enclave: EnclaveIdentity, request: KeyRequest): void {
  const refuse = (which: 'ISVSVN' | 'CONFIGSVN' | 'CPUSVN', asked: string, current: string) => {
    const message = `EGETKEY: ${which} ${asked} is above the current one, ${current}: ask for a key of the current one or before`
    throw new SimulatorError(`ERR_SIMULATOR_KEY_${which}`, message)
  }
  if (request.isvSvn > enclave.isvSvn) refuse('ISVSVN', `${request.isvSvn}`, `${enclave.isvSvn}`)
  if (request.configSvn > enclave.configSvn) {
    refuse('CONFIGSVN', `${request.configSvn}`, `${enclave.configSvn}`)
  }
  if (request.cpuSvn.some((svn, index) => svn > (cpu.cpuSvn[index] ?? 0))) {
    refuse('CPUSVN', request.cpuSvn.toHex(), cpu.cpuSvn.toHex())
  }
}

const ordinaryPolicy = KeyPolicy.mrEnclave | KeyPolicy.mrSigner
const kssPolicy =
  KeyPolicy.noIsvProdId | KeyPolicy.configId | KeyPolicy.isvFamilyId | KeyPolicy.isvExtProdId

/**
 * Bits of the policy that mean something for this enclave; those of KSS are reserved where it has none.
 *
 * @throws {SimulatorError} `ERR_SIMULATOR_KEY_POLICY`
 */
export function checkPolicy(enclave: EnclaveIdentity, { keyPolicy }: KeyRequest): void {
  const hasKss = (enclave.attributes.flags & AttributeFlag.kss) !== 0n
  const reserved = keyPolicy & ~(ordinaryPolicy | (hasKss ? kssPolicy : 0))
  if (reserved === 0) return
  const bits = `0x${(reserved >>> 0).toString(16)}`
  const remedy =
    !hasKss && (reserved & ~kssPolicy) === 0
      ? 'they need an enclave with KSS: give enclave.json a "kss"'
      : 'leave them 0'
  throw new SimulatorError(
    'ERR_SIMULATOR_KEY_POLICY',
    `EGETKEY: bits ${bits} of the key policy are reserved: ${remedy}`,
  )
}
