import { parseTcbInfo, type TcbInfo, type TcbLevel, type TdxModule } from '@alcove/dcap'
import { moduleLevelsRow } from './qe-identity-rows.ts'
import { group, list, type Row, row } from './row.ts'

export function tcbInfoRows(text: string): Row[] {
  const { value: info, signature } = parseTcbInfo(text)
  const { tdxModule, tdxModuleIdentities } = info
  return [
    row('id', 'of', info.id),
    row('version', 'version', info.version),
    row('fmspc', 'FMSPC', info.fmspc),
    row('pceId', 'PCEID', info.pceId),
    row('tcbEvaluationDataNumber', 'evaluation', info.tcbEvaluationDataNumber),
    row('issueDate', 'from', info.issueDate),
    row('nextUpdate', 'to', info.nextUpdate),
    row('signature', 'signature', signature),
    ...(tdxModule === undefined
      ? []
      : [group('tdxModule', 'TDX module of major version 0', moduleRows(tdxModule))]),
    ...(tdxModuleIdentities === undefined
      ? []
      : [
          list(
            'tdxModuleIdentities',
            'TDX modules',
            'TDX module',
            tdxModuleIdentities.map(one => [
              row('id', 'id', one.id),
              ...moduleRows(one),
              moduleLevelsRow(one.tcbLevels),
            ]),
          ),
        ]),
    componentNamesRow(info),
    list('tcbLevels', 'TCB levels', 'level', info.tcbLevels.map(levelRows)),
  ]
}

function moduleRows({ mrSigner, attributes, attributesMask }: TdxModule): Row[] {
  return [
    row('mrSigner', 'MRSIGNERSEAM', Uint8Array.fromHex(mrSigner)),
    row('attributes', 'SEAMATTRIBUTES', attributes),
    row('attributesMask', 'mask', attributesMask),
  ]
}

function componentNamesRow({ componentNames: { components, tdxComponents } }: TcbInfo): Row {
  const rows = [
    ...components.map((name, index) => row(`sgx${index + 1}`, `SGX ${index + 1}`, name)),
    ...tdxComponents.map((name, index) => row(`tdx${index + 1}`, `TDX ${index + 1}`, name)),
  ].filter(({ value }) => value !== undefined)
  return rows.length === 0
    ? row('componentNames', 'component names', undefined)
    : group('componentNames', 'what its components are', rows)
}

function levelRows(level: TcbLevel): Row[] {
  return [
    row('status', 'status', level.status),
    row('tcbDate', 'date', level.tcbDate),
    row('components', 'SGX components', level.components),
    row('tdxComponents', 'TDX components', level.tdxComponents),
    row('pceSvn', 'PCESVN', level.pceSvn),
    row('advisories', 'advisories', level.advisories.length === 0 ? undefined : level.advisories),
  ]
}
