import { KeyName } from './key-request.ts'

/** What the bits of a word are called, by their number, 0 the lowest. */
type Names = Readonly<Record<number, string>>

const attributes: Names = {
  0: 'INIT',
  1: 'DEBUG',
  2: 'MODE64',
  4: 'PROVISION_KEY',
  5: 'EINITTOKEN_KEY',
  6: 'CET',
  7: 'KSS',
  10: 'AEX_NOTIFY',
}

/** State components of XSAVE: of an enclave's XFRM and of a TD's XFAM. */
const stateComponents: Names = {
  0: 'x87',
  1: 'SSE',
  2: 'AVX',
  3: 'MPX BNDREGS',
  4: 'MPX BNDCSR',
  5: 'AVX-512 opmask',
  6: 'AVX-512 ZMM_Hi256',
  7: 'AVX-512 Hi16_ZMM',
  8: 'PT',
  9: 'PKRU',
  10: 'PASID',
  11: 'CET_U',
  12: 'CET_S',
  13: 'HDC',
  14: 'UINTR',
  15: 'LBR',
  16: 'HWP',
  17: 'AMX TILECFG',
  18: 'AMX TILEDATA',
  19: 'APX',
}

const tdAttributes: Names = {
  0: 'DEBUG',
  4: 'HGS_PLUS_PROF',
  5: 'PERF_PROF',
  6: 'PMT_PROF',
  16: 'ICSSD',
  27: 'LASS',
  28: 'SEPT_VE_DISABLE',
  29: 'MIGRATABLE',
  30: 'PKS',
  31: 'KL',
  62: 'TPA',
  63: 'PERFMON',
}

const miscSelects: Names = { 0: 'EXINFO', 1: 'CPINFO' }

const keyPolicies: Names = {
  0: 'MRENCLAVE',
  1: 'MRSIGNER',
  2: 'NOISVPRODID',
  3: 'CONFIGID',
  4: 'ISVFAMILYID',
  5: 'ISVEXTPRODID',
}

const keyNames: Names = {
  [KeyName.einitToken]: 'EINITTOKEN',
  [KeyName.provision]: 'PROVISION',
  [KeyName.provisionSeal]: 'PROVISION_SEAL',
  [KeyName.report]: 'REPORT',
  [KeyName.seal]: 'SEAL',
}

/**
 * What is set in an enclave's attribute flags, lowest bit first. Here and below: a bit without a name is `bit 45`.
 *
 * @see docs/formats/report.md
 */
export function attributeNames(flags: bigint): readonly string[] {
  return namesOf(flags, attributes)
}

/**
 * The processor state in an enclave's XFRM, or in a TD's XFAM, which has the same bits.
 *
 * @see docs/formats/report.md
 */
export function xfrmNames(xfrm: bigint): readonly string[] {
  return namesOf(xfrm, stateComponents)
}

/** @see docs/formats/td-report.md */
export function tdAttributeNames(attributesOfTd: bigint): readonly string[] {
  return namesOf(attributesOfTd, tdAttributes)
}

/**
 * What is kept of an exception inside the enclave.
 *
 * @see docs/formats/report.md
 */
export function miscSelectNames(miscSelect: number): readonly string[] {
  return namesOf(BigInt(miscSelect), miscSelects)
}

/** @see docs/formats/key-request.md */
export function keyPolicyNames(keyPolicy: number): readonly string[] {
  return namesOf(BigInt(keyPolicy), keyPolicies)
}

/**
 * The name of a KEYREQUEST's key; a number without a name is `key 9`.
 *
 * @see docs/formats/key-request.md
 */
export function keyNameOf(keyName: number): string {
  return keyNames[keyName] ?? `key ${keyName}`
}

function namesOf(word: bigint, names: Names): string[] {
  const found: string[] = []
  for (let bit = 0, rest = BigInt.asUintN(64, word); rest !== 0n; bit++, rest >>= 1n) {
    if ((rest & 1n) === 1n) found.push(names[bit] ?? `bit ${bit}`)
  }
  return found
}
