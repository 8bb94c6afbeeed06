import type { Response } from '../src/index.ts'
import type { Demand, Family, Step, Told } from './family.ts'

// The clients in the field as they speak and as they judge what they are answered; docs/formats/aesm.md names the
// repositories and revisions. Every client makes one connection for each call.

const whole: readonly Step[] = [
  'initQuoteEx for the size',
  'initQuoteEx',
  'getQuoteSizeEx',
  'getQuoteEx',
]
const listed: readonly Step[] = ['getSupportedAttKeyIdNum', 'getSupportedAttKeyIds', ...whole]

type Answer<Name extends keyof Response> = NonNullable<Response[Name]>

/** A demand on one kind of answer; `spoil` gives the fields that break it. */
function demand<
  Name extends 'initQuoteEx' | 'getQuoteEx' | 'getSupportedAttKeyIdNum' | 'getSupportedAttKeyIds',
>(
  on: Name,
  what: string,
  holds: (answer: Answer<Name>, told: Told) => boolean,
  spoil: (answer: Answer<Name>) => Partial<Answer<Name>>,
): Demand {
  return {
    on,
    what,
    holds: (response, told) => {
      const answer = response[on]
      return answer !== undefined && holds(answer, told)
    },
    spoil: response => {
      const answer = response[on]
      if (answer !== undefined) Object.assign(answer, spoil(answer))
    },
  }
}

const targetInfoFits = demand(
  'initQuoteEx',
  'a target_info of at most 512 bytes',
  ({ targetInfo }) => targetInfo.byteLength <= 512,
  () => ({ targetInfo: new Uint8Array(513) }),
)
const targetInfoExact = demand(
  'initQuoteEx',
  'a target_info of 512 bytes',
  ({ targetInfo }) => targetInfo.byteLength === 512,
  () => ({ targetInfo: new Uint8Array(511) }),
)
/** Intel's client copies the id only if its size is the one it asked with. */
const pubKeyIdOfItsSize = demand(
  'initQuoteEx',
  'a pub_key_id of the size that was told',
  ({ pubKeyId, pubKeyIdSize }, told) =>
    pubKeyIdSize === told.pubKeyIdSize && BigInt(pubKeyId.byteLength) === told.pubKeyIdSize,
  () => ({ pubKeyId: new Uint8Array(31) }),
)
const quoteFits = demand(
  'getQuoteEx',
  'a quote no longer than buf_size',
  ({ quote }, told) => quote.byteLength <= told.quoteSize,
  ({ quote }) => ({ quote: new Uint8Array(quote.byteLength + 1) }),
)
const quoteExact = demand(
  'getQuoteEx',
  'a quote of exactly buf_size bytes',
  ({ quote }, told) => quote.byteLength === told.quoteSize,
  ({ quote }) => ({ quote: quote.subarray(1) }),
)
const quoteHeld = demand(
  'getQuoteEx',
  'a quote of 436 bytes or more, and of 8192 at most with its signature',
  ({ quote }) => {
    if (quote.byteLength < 436) return false
    const view = new DataView(quote.buffer, quote.byteOffset)
    return 436 + view.getUint32(432, true) <= 8192
  },
  ({ quote }) => ({ quote: quote.subarray(0, 435) }),
)
const qeReportInfoBack = demand(
  'getQuoteEx',
  'a qe_report_info of 960 bytes',
  ({ qeReportInfo }) => qeReportInfo.byteLength === 960,
  () => ({ qeReportInfo: new Uint8Array() }),
)
const idsExact = demand(
  'getSupportedAttKeyIds',
  'att_key_ids of exactly 256 bytes for each id',
  ({ attKeyIds }, told) => attKeyIds.byteLength === told.keyIds * 256,
  ({ attKeyIds }) => ({ attKeyIds: attKeyIds.subarray(1) }),
)
const oneId = demand(
  'getSupportedAttKeyIdNum',
  'exactly one id',
  ({ attKeyIdNum }) => attKeyIdNum === 1,
  () => ({ attKeyIdNum: 2 }),
)

const intelsDemands = [targetInfoFits, pubKeyIdOfItsSize, quoteFits]
const intelsMilliseconds = 15_000

/** A qe_report_info that asks for a REPORT for an enclave whose TARGETINFO is all zero. */
const emptyQeReportInfo = new Uint8Array(960)

export const families: readonly Family[] = [
  {
    name: 'Intel libsgx_quote_ex, the server chooses the key',
    address: 'path',
    writes: 'one',
    timeout: intelsMilliseconds,
    steps: ['selectAttKeyId', ...whole],
    keyLost: 'gives up',
    demands: intelsDemands,
  },
  {
    name: 'Intel libsgx_quote_ex, from a list, with the QE’s REPORT',
    address: 'path',
    writes: 'one',
    timeout: intelsMilliseconds,
    steps: ['selectAttKeyId', ...whole],
    listsKeyIds: true,
    qeReportInfo: emptyQeReportInfo,
    keyLost: 'gives up',
    demands: [...intelsDemands, qeReportInfoBack],
  },
  {
    name: 'Intel libsgx_dcap_ql, out of process',
    address: 'path',
    writes: 'one',
    timeout: intelsMilliseconds,
    steps: whole,
    // A variable that its wrapper never sets: whatever the stack held, an address mostly.
    sizingBufSize: 0x7ffc_ded1_beef_0010n,
    keyLost: 'gives up',
    demands: intelsDemands,
  },
  {
    name: 'Open Enclave, through libsgx_quote_ex',
    address: 'path',
    writes: 'one',
    timeout: intelsMilliseconds,
    steps: listed,
    keyLost: 'gives up',
    demands: intelsDemands,
  },
  {
    name: 'Gramine',
    address: 'abstract, else path',
    writes: 'two',
    timeout: undefined,
    steps: ['initQuoteEx', 'getQuoteEx'],
    quoteBufSize: 8192,
    keyLost: 'again',
    demands: [targetInfoExact, quoteHeld],
  },
  {
    name: 'Fortanix aesm-client',
    address: 'path, else abstract',
    writes: 'one',
    timeout: 30_000_000,
    steps: listed,
    qeReportInfo: emptyQeReportInfo,
    keyLost: 'gives up',
    demands: [idsExact, qeReportInfoBack],
  },
  {
    name: 'Oasis',
    address: 'path',
    writes: 'two',
    timeout: 1_000_000,
    steps: listed,
    keyLost: 'gives up',
    demands: [idsExact],
  },
  {
    name: 'Enarx, releases that want exactly one id',
    address: 'path',
    writes: 'two',
    timeout: 1_000_000,
    steps: listed,
    keyLost: 'gives up',
    demands: [oneId, targetInfoExact, quoteExact],
  },
]
