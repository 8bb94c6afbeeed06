import { deepEqual, equal, notEqual, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { AttributeFlag, EnclaveMeasurement, parseReport, parseTargetInfo } from '@alcove/sgx'
import { Enclave } from './enclave.ts'
import { createEpcAccount } from './epc.ts'
import { cpuFromSeed } from './keys.ts'

const cpu = cpuFromSeed(new Uint8Array(32), new Uint8Array(16).fill(7), new Uint8Array(32).fill(9))
const signature = { mrSigner: new Uint8Array(32).fill(1), isvProdId: 2, isvSvn: 3 }
const content = new Uint8Array(4096).fill(5)
const order = { code: 'ERR_SIMULATOR_ORDER' }
const operand = { code: 'ERR_SIMULATOR_OPERAND' }

function setUp({ pages = 100, sizeBytes = 65_536, debug = false } = {}) {
  const epc = createEpcAccount('this node', pages)
  return { epc, enclave: new Enclave(cpu, epc, { sizeBytes, ssaFrameSize: 1, debug }) }
}

test('the SECS and every page added cost a page each, and destruction gives them back once', () => {
  const { epc, enclave } = setUp()
  enclave.addMeasured(0, 0x205n, content)
  enclave.addUnmeasured(4096, 0x203n, 3)
  equal(epc.freePages, 95)
  equal(enclave.pages, 5)
  enclave.destroy()
  enclave.destroy()
  equal(epc.freePages, 100)
})

test('MRENCLAVE is that of the steps taken', () => {
  const { enclave } = setUp()
  enclave.addMeasured(0, 0x205n, content)
  enclave.addUnmeasured(8192, 0x203n, 2)
  const measurement = new EnclaveMeasurement()
  measurement.ecreate(1, 65_536n)
  measurement.eadd(0n, 0x205n)
  for (let offset = 0n; offset < 4096n; offset += 256n) {
    measurement.eextend(offset, content.subarray(0, 256))
  }
  measurement.eadd(8192n, 0x203n)
  measurement.eadd(12_288n, 0x203n)
  deepEqual(enclave.init(signature).mrEnclave, measurement.mrEnclave())
})

test('a REPORT says who the enclave is, on which CPU, and what it wants said', () => {
  const { enclave } = setUp({ debug: true })
  enclave.addMeasured(0, 0x205n, content)
  const { mrEnclave } = enclave.init(signature)
  const reportData = new Uint8Array(64).fill(6)
  const { body } = parseReport(enclave.report(parseTargetInfo(enclave.targetInfo()), reportData))
  equal(body.mrEnclave.toHex(), mrEnclave.toHex())
  equal(body.mrSigner.toHex(), signature.mrSigner.toHex())
  equal(body.isvProdId, 2)
  equal(body.isvSvn, 3)
  equal(body.cpuSvn.toHex(), '07'.repeat(16))
  equal(body.reportData.toHex(), reportData.toHex())
  const { init, mode64, debug } = AttributeFlag
  equal(body.attributes.flags, init | mode64 | debug)
})

test('only a quoting enclave has the provision key, and only a debug enclave the debug attribute', () => {
  const { enclave } = setUp()
  const { init, mode64 } = AttributeFlag
  equal(enclave.init(signature).attributes.flags, init | mode64)
})

test('steps out of order are refused', () => {
  const { enclave } = setUp()
  const target = parseTargetInfo(new Uint8Array(512))
  throws(() => enclave.report(target, new Uint8Array(64)), order)
  throws(() => enclave.targetInfo(), order)
  enclave.init(signature)
  throws(() => enclave.init(signature), order)
  throws(() => enclave.addMeasured(0, 0x205n, content), order)
  throws(() => enclave.addUnmeasured(0, 0x203n, 1), order)
  enclave.destroy()
  throws(() => enclave.report(target, new Uint8Array(64)), {
    ...order,
    message: 'EREPORT: the enclave is destroyed, and has to be initialised',
  })
})

test('pages off their boundary, before the last one, outside the enclave or of another size are refused', () => {
  const { epc, enclave } = setUp()
  enclave.addUnmeasured(4096, 0x203n, 2)
  for (const offset of [-4096, 0, 4096, 8192, 12_289, 65_536, 2 ** 60, Number.NaN]) {
    throws(() => enclave.addMeasured(offset, 0x205n, content), operand, `offset ${offset}`)
  }
  throws(() => enclave.addUnmeasured(61_440, 0x203n, 2), operand)
  throws(() => enclave.addUnmeasured(12_288, 0x203n, 0), operand)
  throws(() => enclave.addUnmeasured(12_288, 0x203n, 1.5), operand)
  throws(() => enclave.addMeasured(12_288, 0x205n, content.subarray(1)), operand)
  equal(epc.freePages, 97)
})

test('a page that is neither regular nor a TCS is refused', () => {
  const { enclave } = setUp()
  for (const flags of [0x000n, 0x003n, 0x300n, 0x303n, 0x1203n, 0x20bn]) {
    throws(() => enclave.addMeasured(0, flags, content), operand)
  }
  enclave.addMeasured(0, 0x100n, content)
})

test('sizes that are no power of two, too small or too large are refused, and cost nothing', () => {
  const epc = createEpcAccount('this node', 10)
  for (const sizeBytes of [0, 4096, 12_288, 2 ** 37, -8192, 8192.5, Number.NaN]) {
    throws(() => new Enclave(cpu, epc, { sizeBytes, ssaFrameSize: 1, debug: false }), operand)
  }
  equal(epc.freePages, 10)
})

test('EADD is refused when the EPC is spent, and the enclave stays as it was', () => {
  const { epc, enclave } = setUp({ pages: 4 })
  enclave.addMeasured(0, 0x205n, content)
  throws(() => enclave.addUnmeasured(4096, 0x203n, 3), { code: 'ERR_SIMULATOR_OUT_OF_EPC' })
  equal(epc.freePages, 2)
  enclave.addUnmeasured(4096, 0x203n, 2)
  enclave.init(signature)
  equal(epc.freePages, 0)
})

test('the size of the address range, a page and its permissions all enter MRENCLAVE', () => {
  const build = (sizeBytes: number, flags: bigint, pages: number) => {
    const { enclave } = setUp({ sizeBytes })
    enclave.addUnmeasured(0, flags, pages)
    return enclave.init(signature).mrEnclave.toHex()
  }
  const plain = build(65_536, 0x203n, 1)
  equal(build(65_536, 0x203n, 1), plain)
  for (const other of [
    build(32_768, 0x203n, 1),
    build(65_536, 0x201n, 1),
    build(65_536, 0x203n, 2),
  ]) {
    notEqual(other, plain)
  }
})

test('KSS fields at EINIT are refused where ECREATE had no KSS', () => {
  const kss = { familyId: new Uint8Array(16), extProdId: new Uint8Array(16) }
  throws(() => setUp().enclave.init({ ...signature, kss }), {
    ...operand,
    message: /created with KSS/,
  })
})
