import type { Endorsements, Evidence } from './evidence.ts'
import { moduleLevel } from './module-level.ts'
import { platformLevel } from './tcb-level.ts'
import { convergeStatus, type QeStatus, type TcbStatus } from './tcb-status.ts'
import { VerifyError } from './verify-error.ts'

/** How good a platform and its quoting enclave are, by Intel's lists. */
export interface TcbEvaluation {
  /** Of platform and QE together. */
  readonly status: TcbStatus
  readonly platformStatus: TcbStatus
  readonly qeStatus: QeStatus
  /** Intel's security advisories that are open at this TCB level. */
  readonly advisories: readonly string[]
  /** The date of the TCB level, of platform or QE, whichever is earlier. */
  readonly tcbDate: Date
}

/**
 * The platform is judged by the SVNs of its PCK certificate, the QE by the ISVSVN of its report.
 *
 * @throws {VerifyError} `ERR_VERIFY_TCB_NOT_SUPPORTED` for a platform or QE below every level: an error, not "out of date"
 */
export function evaluateTcb(
  { quote, chain: { pck } }: Evidence,
  { tcbInfo, qeIdentity }: Endorsements,
): TcbEvaluation {
  const { isvSvn } = quote.qeReport
  const platform = platformLevel(tcbInfo.value.tcbLevels, pck)
  const qe = moduleLevel(qeIdentity.value.tcbLevels, isvSvn)
  if (qe === undefined || platform === undefined) {
    const part =
      qe === undefined ? `QE with ISVSVN ${isvSvn}` : `platform with PCESVN ${pck.pceSvn}`
    const message = `the ${part} is below every TCB level that Intel lists`
    throw new VerifyError('ERR_VERIFY_TCB_NOT_SUPPORTED', message, { fmspc: pck.fmspc })
  }
  return {
    status: convergeStatus(platform.status, qe.status),
    platformStatus: platform.status,
    qeStatus: qe.status,
    advisories: [...new Set([...platform.advisories, ...qe.advisories])],
    tcbDate: new Date(Math.min(platform.tcbDate.getTime(), qe.tcbDate.getTime())),
  }
}
