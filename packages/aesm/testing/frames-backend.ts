import { equalBytes } from '@alcove/bytes'
import type { SharedVectors } from '../../../tools/vectors.ts'
import { AesmError, decodeResponse, type QuotingBackend } from '../src/index.ts'
import { cmac } from './cmac.ts'

/** The quoting enclave of the frames: it checks the REPORT's MAC and gives the one quote there is. */
export async function backendOfFrames(vectors: SharedVectors): Promise<QuotingBackend> {
  const init = decodeResponse((await vectors.bytes('aesm/05_intel_init_quote_ex.res.bin')).slice(4))
  const targetInfo = await vectors.bytes('aesm/qe_target_info.bin')
  const quote = await vectors.bytes('aesm/quote.bin')
  const qeReport = await vectors.bytes('ereport/qe_report_over_quote.bin')
  const { report_key } = (await vectors.json('ereport/ereport_sim_1.json')) as {
    report_key: string
  }
  const reportKey = Uint8Array.fromHex(report_key)
  return {
    init: async () => ({ targetInfo, pubKeyId: init.initQuoteEx?.pubKeyId ?? new Uint8Array() }),
    quoteSize: async () => quote.byteLength,
    quote: async ({ report, qeReportInfo }) => {
      const mac = cmac(reportKey, report.subarray(0, 384))
      if (!equalBytes(mac, report.subarray(416))) throw new AesmError(47)
      return qeReportInfo === undefined ? { quote } : { quote, qeReport }
    },
  }
}
