import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { withSharedVectors } from '../../../tools/vectors.ts'
import { encodeReport, encodeTargetInfo, parseReport, parseTargetInfo } from './index.ts'

await withSharedVectors(
  'simulation-mode reports and targets come back byte for byte',
  8,
  vectors => {
    for (const name of [
      'qe_report_over_quote',
      'report_bad_mac',
      'report_bad_mrenclave',
      'report_ok',
    ]) {
      test(`${name}.bin comes back byte for byte`, async () => {
        const bytes = await vectors.bytes(`ereport/${name}.bin`)
        equal(encodeReport(parseReport(bytes)).toHex(), bytes.toHex())
      })
    }
    for (const name of ['app_target_info', 'target_info']) {
      test(`${name}.bin comes back byte for byte`, async () => {
        const bytes = await vectors.bytes(`ereport/${name}.bin`)
        equal(encodeTargetInfo(parseTargetInfo(bytes)).toHex(), bytes.toHex())
      })
    }
    test('the report of ereport_sim_1.json says hello, under the key id of the simulation', async () => {
      const sample = (await vectors.json('ereport/ereport_sim_1.json')) as Record<string, string>
      const bytes = Uint8Array.fromHex(sample['report'] ?? '')
      const report = parseReport(bytes)
      equal(new TextDecoder().decode(report.body.reportData.slice(0, 13)), 'Hello, world!')
      equal(report.keyId.toHex(), 'ff00'.repeat(8) + '00'.repeat(16))
      equal(encodeReport(report).toHex(), bytes.toHex())
    })
    test('the target of ereport_sim_1.json is the quoting enclave that the key was derived for', async () => {
      const sample = (await vectors.json('ereport/ereport_sim_1.json')) as Record<string, string>
      const target = parseTargetInfo(Uint8Array.fromHex(sample['target_info'] ?? ''))
      // derivation_data: MRENCLAVE of the target at 44, 32 bytes; see docs/formats/report.md
      equal(target.mrEnclave.toHex(), sample['derivation_data']?.slice(88, 152))
      equal(target.attributes.flags, 0x15n)
    })
  },
)
