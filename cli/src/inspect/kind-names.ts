export type KindName = (typeof kindNames)[number]

/** As `--as` takes them, and in the order in which they are tried. */
export const kindNames = [
  'quote',
  'certificate',
  'chain',
  'crl',
  'tcb-info',
  'qe-identity',
  'collateral',
  'sgxs',
  'sigstruct',
  'td-report',
  'report',
  'key-request',
  'target-info',
] as const
