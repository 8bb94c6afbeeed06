import { z } from 'zod'
import {
  isSimulatorErrorCode,
  SimulatorError,
  type SimulatorErrorCode,
} from '../simulator-error.ts'
import {
  type Answer,
  type Envelope,
  maxContentPages,
  maxUnmeasuredPages,
  type Operation,
  type Request,
  type WireError,
} from './operations.ts'

const pageBytes = 4096

/** Base64 of as many bytes as `isLength` allows; decoded on the way in. */
function bytes(maxBytes: number, isLength: (length: number) => boolean, want: string) {
  return z
    .string()
    .max(Math.ceil(maxBytes / 3) * 4)
    .transform((text, context): Uint8Array => {
      const decoded = fromBase64(text)
      if (decoded !== undefined && isLength(decoded.byteLength)) return decoded
      const found = decoded === undefined ? 'this is none' : `these are ${decoded.byteLength}`
      context.addIssue(`want base64 of ${want} bytes; ${found}`)
      return z.NEVER
    })
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: 'strict' })
  } catch {
    return undefined // said as an issue, beside whatever else is wrong
  }
}

const exactly = (length: number) => bytes(length, found => found === length, String(length))
const upTo = (length: number) => bytes(length, found => found <= length, `at most ${length}`)
const content = bytes(
  maxContentPages * pageBytes,
  length => length > 0 && length % pageBytes === 0,
  `1 to ${maxContentPages} times ${pageBytes}`,
)
const u16 = z.int().min(0).max(0xffff)
const enclave = z.int().min(1)
const offset = z.int().min(0)
const byteCount = z.int().min(0)
const operation = <Op extends Operation, Fields extends z.ZodRawShape>(op: Op, fields: Fields) =>
  z.strictObject({ op: z.literal(op), ...fields })

const requestSchema: z.ZodType<Request> = z.discriminatedUnion('op', [
  operation('open', { token: z.string().max(256) }),
  operation('create', {
    sizeBytes: z.int().min(1),
    ssaFrameSize: z.int().min(1).max(16),
    debug: z.boolean(),
    kss: z.strictObject({ configId: exactly(64), configSvn: u16 }).optional(),
  }),
  operation('addMeasured', { enclave, offset, secinfoFlags: u16, content }),
  operation('addUnmeasured', {
    enclave,
    offset,
    secinfoFlags: u16,
    count: z.int().min(1).max(maxUnmeasuredPages),
  }),
  operation('init', {
    enclave,
    signer: z.string().min(1).max(255),
    isvProdId: u16,
    isvSvn: u16,
    kss: z.strictObject({ familyId: exactly(16), extProdId: exactly(16) }).optional(),
  }),
  operation('report', { enclave, targetInfo: exactly(512), reportData: exactly(64) }),
  operation('getKey', { enclave, keyRequest: exactly(512) }),
  operation('destroy', { enclave }),
  operation('qe.targetInfo', {}),
  operation('qe.quoteSize', {}),
  operation('qe.quote', { report: exactly(432), qeReportInfo: exactly(960).optional() }),
  operation('epc', {}),
  operation('collateral', {}),
  operation('root', {}),
  operation('tcb', {}),
  operation('reload', {}),
])

const nothing = z.strictObject({})
const platformTcb = { platformId: z.string(), cpuSvn: exactly(16), pceSvn: u16, qeIsvSvn: u16 }
const epcCount = z.strictObject({ totalBytes: byteCount, freeBytes: byteCount })

const answerSchemas: { readonly [Op in Operation]: z.ZodType<Answer<Op>> } = {
  open: z.strictObject({ grants: z.array(z.enum(['enclave', 'provision'])) }),
  create: z.strictObject({ enclave }),
  addMeasured: nothing,
  addUnmeasured: nothing,
  init: z.strictObject({
    mrEnclave: exactly(32),
    mrSigner: exactly(32),
    targetInfo: exactly(512),
  }),
  report: z.strictObject({ report: exactly(432) }),
  getKey: z.strictObject({ key: exactly(16) }),
  destroy: nothing,
  'qe.targetInfo': z.strictObject({ targetInfo: exactly(512), pubKeyId: exactly(32) }),
  'qe.quoteSize': z.strictObject({ quoteBytes: z.int().min(1020) }),
  'qe.quote': z.strictObject({ quote: upTo(65_536), qeReport: exactly(432).optional() }),
  epc: z.strictObject({ node: epcCount, reserve: epcCount }),
  collateral: z.strictObject({
    tcb_info: z.string(),
    tcb_info_issuer_chain: z.string(),
    qe_identity: z.string(),
    qe_identity_issuer_chain: z.string(),
    root_ca_crl: z.string(),
    pck_crl: z.string(),
    pck_crl_issuer_chain: z.string(),
  }),
  root: z.strictObject({ rootPem: z.string() }),
  tcb: z.strictObject(platformTcb),
  reload: z.strictObject({ ...platformTcb, restarted: z.boolean() }),
}

const errorSchema: z.ZodType<WireError> = z.strictObject({
  code: z.string(),
  message: z.string(),
  epc: z
    .strictObject({ askedBytes: byteCount, freeBytes: byteCount, totalBytes: byteCount })
    .optional(),
})
const envelopeSchema = z.union([
  z.strictObject({ ok: z.unknown() }),
  z.strictObject({ error: errorSchema }),
])

/** @throws {SimulatorError} `ERR_SIMULATOR_REQUEST` naming every wrong field */
export function parseRequest(value: unknown): Request {
  const parsed = requestSchema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new SimulatorError('ERR_SIMULATOR_REQUEST', `request refused: ${describe(parsed.error)}`)
}

/** @throws {SimulatorError} the error that was answered; `ERR_SIMULATOR_ANSWER` for what is no answer to `op` */
export function parseAnswer<Op extends Operation>(op: Op, value: unknown): Answer<Op> {
  const envelope = envelopeSchema.safeParse(value)
  if (!envelope.success) throw malformed(op, envelope.error)
  if ('error' in envelope.data) throw decodeError(envelope.data.error)
  const answer = answerSchemas[op].safeParse(envelope.data.ok)
  if (!answer.success) throw malformed(op, answer.error)
  return answer.data
}

/** What a frame says that answers no request: why the platform will not talk. */
export function parseUnasked(value: unknown): SimulatorError {
  const envelope = envelopeSchema.safeParse(value)
  if (envelope.success && 'error' in envelope.data) return decodeError(envelope.data.error)
  return new SimulatorError('ERR_SIMULATOR_ANSWER', 'the platform answered what nobody asked')
}

/** An error as it travels. */
export function encodeError({ code, message, epc }: SimulatorError): Envelope {
  return { error: { code, message, ...(epc === undefined ? {} : { epc }) } }
}

function decodeError({ code, message, epc }: WireError): SimulatorError {
  const known: SimulatorErrorCode = isSimulatorErrorCode(code) ? code : 'ERR_SIMULATOR_ANSWER'
  const text = known === code ? message : `${code}: ${message}`
  return new SimulatorError(known, text, epc === undefined ? {} : { epc })
}

function malformed(op: string, error: z.ZodError): SimulatorError {
  const message = `answer to ${op}: ${describe(error)}: is the platform of the same version of Alcove?`
  return new SimulatorError('ERR_SIMULATOR_ANSWER', message)
}

/** One line that names every wrong field. */
function describe(error: z.ZodError): string {
  return error.issues
    .map(issue => `${issue.path.join('.') || '(top)'}: ${issue.message}`)
    .join('; ')
}
