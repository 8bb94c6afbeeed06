import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeTdReport, parseTdReport, type TdReport } from './index.ts'

const bytes = Uint8Array.from({ length: 1024 }, (_, index) => (index === 0 ? 0x81 : index % 251))
const report = parseTdReport(bytes)
const at = (offset: number, length: number) => bytes.subarray(offset, offset + length).toHex()
const u64At = (offset: number) => new DataView(bytes.buffer).getBigUint64(offset, true)

test('each field of the MAC structure is read from its own offset', () => {
  const { reportMac } = report
  deepEqual([reportMac.type, reportMac.subtype, reportMac.version], [0x81, 1, 2])
  equal(reportMac.cpuSvn.toHex(), at(16, 16))
  equal(reportMac.teeTcbInfoHash.toHex(), at(32, 48))
  equal(reportMac.teeInfoHash.toHex(), at(80, 48))
  equal(reportMac.reportData.toHex(), at(128, 64))
  equal(reportMac.mac.toHex(), at(224, 32))
  equal(reportMac.reserved?.toHex(), at(3, 13) + at(192, 32))
})

test('each field of the TDX module’s part is read from its own offset', () => {
  const { teeTcbInfo, reserved } = report
  equal(teeTcbInfo.valid, u64At(256))
  equal(teeTcbInfo.teeTcbSvn.toHex(), at(264, 16))
  equal(teeTcbInfo.mrSeam.toHex(), at(280, 48))
  equal(teeTcbInfo.mrSignerSeam.toHex(), at(328, 48))
  equal(teeTcbInfo.seamAttributes, u64At(376))
  equal(teeTcbInfo.teeTcbSvn2.toHex(), at(384, 16))
  equal(teeTcbInfo.reserved?.toHex(), at(400, 95))
  equal(reserved?.toHex(), at(495, 17))
})

test('each field of the TD’s part is read from its own offset', () => {
  const { tdInfo } = report
  equal(tdInfo.tdAttributes, u64At(512))
  equal(tdInfo.xfam, u64At(520))
  const measurements = [tdInfo.mrTd, tdInfo.mrConfigId, tdInfo.mrOwner, tdInfo.mrOwnerConfig]
  for (const [index, value] of [...measurements, ...tdInfo.rtmrs, tdInfo.mrServiceTd].entries()) {
    equal(value.toHex(), at(528 + 48 * index, 48))
  }
  equal(tdInfo.reserved?.toHex(), at(960, 64))
})

test('a TDREPORT without reserved bytes has no such fields, and reads back as it was', () => {
  const { reserved, ...rest } = report
  equal(reserved?.length, 17)
  const plain = {
    ...rest,
    reportMac: withoutReserved(report.reportMac),
    teeTcbInfo: withoutReserved(report.teeTcbInfo),
    tdInfo: withoutReserved(report.tdInfo),
  }
  const encoded = encodeTdReport(plain)
  equal(encoded.length, 1024)
  deepEqual(parseTdReport(encoded), plain)
})

test('a report of another TEE is refused by its type', () => {
  fc.assert(
    fc.property(
      fc.nat(255).filter(type => type !== 0x81),
      type => {
        throws(() => parseTdReport(bytes.with(0, type)), {
          code: 'ERR_FORMAT_VALUE',
          field: 'tdReport.reportMac.type',
          offset: 0,
        })
      },
    ),
  )
})

test('a TDREPORT cut short names the field where it ends', () => {
  const field = 'tdReport.tdInfo.rtmr0'
  throws(() => parseTdReport(bytes.subarray(0, 725)), { field, offset: 720 })
})

test('a field of the wrong length or range is not encoded', () => {
  const code = 'ERR_FORMAT_VALUE'
  const encoding = (changed: Partial<TdReport>) => () => encodeTdReport({ ...report, ...changed })
  const mac = new Uint8Array(31)
  throws(encoding({ reportMac: { ...report.reportMac, mac } }), {
    code,
    field: 'tdReport.reportMac.mac',
    offset: 224,
  })
  throws(encoding({ tdInfo: { ...report.tdInfo, xfam: 1n << 64n } }), {
    code,
    field: 'tdReport.tdInfo.xfam',
    offset: 520,
  })
  throws(encoding({ reserved: new Uint8Array(16) }), { code, field: 'tdReport.reserved' })
})

function withoutReserved<Part extends { readonly reserved?: Uint8Array }>(
  part: Part,
): Omit<Part, 'reserved'> {
  const { reserved, ...rest } = part
  equal(reserved !== undefined, true)
  return rest
}
