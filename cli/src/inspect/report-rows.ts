import {
  type KeyRequest,
  keyNameOf,
  keyPolicyNames,
  parseKeyRequest,
  parseReport,
  parseTargetInfo,
  type ReportBody,
} from '@alcove/sgx'
import {
  attributesMaskRow,
  attributesRow,
  miscMaskRow,
  miscSelectRow,
  reservedRow,
} from './attribute-rows.ts'
import { group, type Row, row, word } from './row.ts'

/** What an enclave is, as its REPORT and a quote of it say. */
export function reportBodyRows(body: ReportBody): Row[] {
  return [
    row('cpuSvn', 'CPUSVN', body.cpuSvn),
    miscSelectRow('miscSelect', 'MISCSELECT', body.miscSelect),
    row('isvExtProdId', 'ISVEXTPRODID', body.isvExtProdId),
    attributesRow('attributes', 'ATTRIBUTES', body.attributes),
    row('mrEnclave', 'MRENCLAVE', body.mrEnclave),
    row('mrSigner', 'MRSIGNER', body.mrSigner),
    row('configId', 'CONFIGID', body.configId),
    row('isvProdId', 'ISVPRODID', body.isvProdId),
    row('isvSvn', 'ISVSVN', body.isvSvn),
    row('configSvn', 'CONFIGSVN', body.configSvn),
    row('isvFamilyId', 'ISVFAMILYID', body.isvFamilyId),
    row('reportData', 'REPORTDATA', body.reportData),
    reservedRow(body.reserved),
  ]
}

export function reportRows(bytes: Uint8Array): Row[] {
  const { body, keyId, mac } = parseReport(bytes)
  return [
    group('body', 'body', reportBodyRows(body)),
    row('keyId', 'key id', keyId),
    row('mac', 'MAC', mac, 'only its target, on its platform, can check it'),
  ]
}

export function targetInfoRows(bytes: Uint8Array): Row[] {
  const target = parseTargetInfo(bytes)
  return [
    row('mrEnclave', 'MRENCLAVE', target.mrEnclave),
    attributesRow('attributes', 'ATTRIBUTES', target.attributes),
    row('configSvn', 'CONFIGSVN', target.configSvn),
    miscSelectRow('miscSelect', 'MISCSELECT', target.miscSelect),
    row('configId', 'CONFIGID', target.configId),
    reservedRow(target.reserved),
  ]
}

export function keyRequestRows(bytes: Uint8Array): Row[] {
  const request: KeyRequest = parseKeyRequest(bytes)
  return [
    row('keyName', 'KEYNAME', request.keyName, keyNameOf(request.keyName)),
    row('keyPolicy', 'KEYPOLICY', word(request.keyPolicy, keyPolicyNames(request.keyPolicy))),
    row('isvSvn', 'ISVSVN', request.isvSvn),
    row('cpuSvn', 'CPUSVN', request.cpuSvn),
    attributesMaskRow('attributeMask', 'ATTRIBUTEMASK', request.attributeMask),
    row('keyId', 'KEYID', request.keyId),
    miscMaskRow('miscMask', 'MISCMASK', request.miscMask),
    row('configSvn', 'CONFIGSVN', request.configSvn),
    reservedRow(request.reserved),
  ]
}
