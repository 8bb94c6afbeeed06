import { parseTdReport, type TdReportBody } from '@alcove/sgx'
import { reservedRow, tdAttributesRow, xfamRow } from './attribute-rows.ts'
import { group, type Row, row, word } from './row.ts'

type Measured = Pick<
  TdReportBody,
  'tdAttributes' | 'xfam' | 'mrTd' | 'mrConfigId' | 'mrOwner' | 'mrOwnerConfig' | 'rtmrs'
>

function measuredRows(td: Measured): Row[] {
  return [
    tdAttributesRow('tdAttributes', 'TDATTRIBUTES', td.tdAttributes),
    xfamRow(td.xfam),
    row('mrTd', 'MRTD', td.mrTd),
    row('mrConfigId', 'MRCONFIGID', td.mrConfigId),
    row('mrOwner', 'MROWNER', td.mrOwner),
    row('mrOwnerConfig', 'MROWNERCONFIG', td.mrOwnerConfig),
    ...td.rtmrs.map((rtmr, index) => row(`rtmr${index}`, `RTMR${index}`, rtmr)),
  ]
}

/** What a TD is, as a quote of it says. */
export function tdReportBodyRows(body: TdReportBody): Row[] {
  return [
    row('version', 'body version', body.version),
    row('teeTcbSvn', 'TEE_TCB_SVN', body.teeTcbSvn, 'as of its launch'),
    row('mrSeam', 'MRSEAM', body.mrSeam),
    row('mrSignerSeam', 'MRSIGNERSEAM', body.mrSignerSeam),
    row('seamAttributes', 'SEAMATTRIBUTES', word(body.seamAttributes)),
    ...measuredRows(body),
    row('reportData', 'REPORTDATA', body.reportData),
    ...(body.version === '1.0'
      ? []
      : [
          row('teeTcbSvn2', 'TEE_TCB_SVN2', body.teeTcbSvn2, 'as of now'),
          row('mrServiceTd', 'MRSERVICETD', body.mrServiceTd),
        ]),
    ...(body.version === '1.5-extended' ? extensionRows(body) : []),
  ]
}

function extensionRows(body: Extract<TdReportBody, { version: '1.5-extended' }>): Row[] {
  return [
    row('vmId', 'VM id', body.vmId),
    row('tdId', 'TD id', body.tdId),
    row('devInfo', 'DEVINFO', body.devInfo),
    row('initServiceTdHash', 'initial service TDs', body.initServiceTdHash),
    row('initAttributes', 'initial attributes', word(body.initAttributes)),
    row('initCpuSvn', 'initial CPUSVN', body.initCpuSvn),
    row('initTeeTcbSvn', 'initial TEE_TCB_SVN', body.initTeeTcbSvn),
    row('initFmspc', 'initial FMSPC', body.initFmspc),
    row('serviceTdHash', 'service TDs', body.serviceTdHash),
    row('serviceTdAttributes', 'service TDs’ attributes', word(body.serviceTdAttributes)),
  ]
}

export function tdReportRows(bytes: Uint8Array): Row[] {
  const { reportMac, teeTcbInfo, tdInfo, reserved } = parseTdReport(bytes)
  return [
    group('reportMac', 'REPORTMACSTRUCT', [
      row('type', 'type', word(reportMac.type), 'TDX'),
      row('subtype', 'subtype', reportMac.subtype),
      row('version', 'version', reportMac.version),
      row('cpuSvn', 'CPUSVN', reportMac.cpuSvn),
      row('teeTcbInfoHash', 'hash of TEE_TCB_INFO', reportMac.teeTcbInfoHash),
      row('teeInfoHash', 'hash of TDINFO', reportMac.teeInfoHash),
      row('reportData', 'REPORTDATA', reportMac.reportData),
      row('mac', 'MAC', reportMac.mac),
      reservedRow(reportMac.reserved),
    ]),
    group('teeTcbInfo', 'TEE_TCB_INFO', [
      row('valid', 'valid fields', word(teeTcbInfo.valid)),
      row('teeTcbSvn', 'TEE_TCB_SVN', teeTcbInfo.teeTcbSvn),
      row('mrSeam', 'MRSEAM', teeTcbInfo.mrSeam),
      row('mrSignerSeam', 'MRSIGNERSEAM', teeTcbInfo.mrSignerSeam),
      row('seamAttributes', 'SEAMATTRIBUTES', word(teeTcbInfo.seamAttributes)),
      row('teeTcbSvn2', 'TEE_TCB_SVN2', teeTcbInfo.teeTcbSvn2),
      reservedRow(teeTcbInfo.reserved),
    ]),
    reservedRow(reserved),
    group('tdInfo', 'TDINFO', [
      ...measuredRows(tdInfo),
      row('mrServiceTd', 'MRSERVICETD', tdInfo.mrServiceTd),
      reservedRow(tdInfo.reserved),
    ]),
  ]
}
