import { equal, notEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { KeyName, parseReport, parseTargetInfo } from '@alcove/sgx'
import { z } from 'zod'
import { withSharedVectors } from '../../../../tools/vectors.ts'
import {
  type Cpu,
  cpuFromSeed,
  egetkey,
  ereport,
  isReportAuthentic,
  reportKey,
  reportKeyDerivationData,
  splitReport,
} from './keys.ts'

const hex = z.string().transform(text => Uint8Array.fromHex(text))
const sampleSchema = z.object({
  base_report_key: hex,
  owner_epoch: hex,
  cpusvn: hex,
  keyid: hex,
  derivation_data: z.string(),
  report_key: z.string(),
  mac: z.string(),
})

await withSharedVectors("REPORTs of the SDK's simulation mode", 6, async vectors => {
  const sample = sampleSchema.parse(await vectors.json('ereport/ereport_sim_1.json'))
  const cpu: Cpu = {
    baseReportKey: sample.base_report_key,
    baseSealKey: new Uint8Array(16),
    baseProvisionKey: new Uint8Array(16),
    ownerEpoch: sample.owner_epoch,
    cpuSvn: sample.cpusvn,
    reportKeyId: sample.keyid,
  }
  const target = parseTargetInfo(await vectors.bytes('ereport/target_info.bin'))
  const read = async (name: string) => splitReport(await vectors.bytes(`ereport/${name}.bin`))
  const key = reportKey(cpu, target, cpu.reportKeyId)

  test("the SDK's simulation-mode report key is derived, byte for byte", () => {
    const data = reportKeyDerivationData(cpu, target, cpu.reportKeyId)
    equal(data.toHex(), sample.derivation_data)
    equal(key.toHex(), sample.report_key)
  })

  test("the SDK's simulated REPORT is authentic", async () => {
    const report = await read('report_ok')
    equal(report.mac.toHex(), sample.mac)
    equal(isReportAuthentic(report, key), true)
  })

  test("EREPORT makes the SDK's REPORT", async () => {
    // The sample's body came from silicon, its key from the simulator: they have different CPUSVNs.
    const bytes = await vectors.bytes('ereport/report_ok.bin')
    const { body } = parseReport(bytes)
    const asSampled = { ...cpu, cpuSvn: body.cpuSvn }
    const made = ereport(asSampled, body, target, body.reportData)
    equal(splitReport(made).body.toHex(), splitReport(bytes).body.toHex())
    equal(splitReport(made).keyId.toHex(), splitReport(bytes).keyId.toHex())
  })

  for (const name of ['report_bad_mac', 'report_bad_mrenclave']) {
    test(`${name} is not authentic`, async () => {
      equal(isReportAuthentic(await read(name), key), false)
    })
  }

  test("the quoting enclave's REPORT over a quote is authentic for the application", async () => {
    const app = parseTargetInfo(await vectors.bytes('ereport/app_target_info.bin'))
    const appKey = reportKey(cpu, app, cpu.reportKeyId)
    const report = await read('qe_report_over_quote')
    equal(isReportAuthentic(report, appKey), true)
    equal(isReportAuthentic(report, key), false)
  })
})

const cpu = cpuFromSeed(new Uint8Array(32).fill(1), new Uint8Array(16), new Uint8Array(32).fill(2))
const enclave = {
  mrEnclave: new Uint8Array(32).fill(3),
  mrSigner: new Uint8Array(32),
  attributes: { flags: 5n, xfrm: 3n },
  miscSelect: 0,
  configId: new Uint8Array(64),
  configSvn: 0,
  isvProdId: 0,
  isvSvn: 0,
  isvExtProdId: new Uint8Array(16),
  isvFamilyId: new Uint8Array(16),
}
const request = {
  keyName: KeyName.report as number,
  keyPolicy: 0,
  isvSvn: 0,
  cpuSvn: new Uint8Array(16),
  attributeMask: { flags: 0n, xfrm: 0n },
  keyId: cpu.reportKeyId,
  miscMask: 0,
  configSvn: 0,
}

test('EGETKEY gives the target, and nobody else, the key that EREPORT used', () => {
  const report = splitReport(ereport(cpu, enclave, enclave, new Uint8Array(64)))
  equal(isReportAuthentic(report, egetkey(cpu, enclave, request)), true)
  const other = { ...enclave, mrEnclave: new Uint8Array(32).fill(4) }
  equal(isReportAuthentic(report, egetkey(cpu, other, request)), false)
})

test('another seed is another CPU', () => {
  const other = cpuFromSeed(new Uint8Array(32), cpu.cpuSvn, cpu.reportKeyId)
  const keyOf = (of: Cpu) => egetkey(of, enclave, request).toHex()
  notEqual(keyOf(other), keyOf(cpu))
})
