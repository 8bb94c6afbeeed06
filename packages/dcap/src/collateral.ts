import * as z from 'zod'
import { CollateralError, inCollateral } from './collateral-error.ts'
import { singlePemBlock } from './pem.ts'

/** What Intel (or a PCCS) says of a platform and of its quoting enclave at one time, as it was served. */
export interface Collateral {
  /** JSON text, byte for byte as served, with its signature. */
  readonly tcbInfo: string
  /** PEM. */
  readonly tcbInfoIssuerChain: string
  /** JSON text, byte for byte as served, with its signature. */
  readonly qeIdentity: string
  /** PEM. */
  readonly qeIdentityIssuerChain: string
  /** DER; or PEM or DER in hex, as text. One NUL may follow, as Intel's libraries leave it. */
  readonly rootCaCrl: Uint8Array
  /** As `rootCaCrl`. */
  readonly pckCrl: Uint8Array
  /** PEM. Not relied on: a PCK CRL has to verify with the quote's own intermediate CA. */
  readonly pckCrlIssuerChain: string
}

const largestFile = 4 * 1024 * 1024

const schema = z.object({
  tcb_info: z.string(),
  tcb_info_issuer_chain: z.string(),
  qe_identity: z.string(),
  qe_identity_issuer_chain: z.string(),
  root_ca_crl: z.string(),
  pck_crl: z.string(),
  pck_crl_issuer_chain: z.string(),
})

/**
 * Reads the file form: one JSON object with the seven parts as strings. CRLs are DER in hex, or PEM. Unknown keys are ignored.
 *
 * @throws {CollateralError} `ERR_COLLATERAL_TOO_LARGE` over 4 MiB; `ERR_COLLATERAL_FORMAT` for what is not JSON or not a CRL;
 *   `ERR_COLLATERAL_VALUE` for a part that is missing or not a string
 * @see docs/formats/collateral.md
 */
export function parseCollateral(json: string): Collateral {
  if (json.length > largestFile) {
    const detail = `${json.length} characters; at most ${largestFile} are read`
    throw new CollateralError('ERR_COLLATERAL_TOO_LARGE', 'collateral', detail)
  }
  const parts = parseParts(json)
  return {
    tcbInfo: parts.tcb_info,
    tcbInfoIssuerChain: parts.tcb_info_issuer_chain,
    qeIdentity: parts.qe_identity,
    qeIdentityIssuerChain: parts.qe_identity_issuer_chain,
    rootCaCrl: crlBytes(parts.root_ca_crl, 'collateral.root_ca_crl'),
    pckCrl: crlBytes(parts.pck_crl, 'collateral.pck_crl'),
    pckCrlIssuerChain: parts.pck_crl_issuer_chain,
  }
}

/** The file form, which `parseCollateral` reads back as the same value. */
export function encodeCollateral(collateral: Collateral): string {
  const parts: z.infer<typeof schema> = {
    tcb_info: collateral.tcbInfo,
    tcb_info_issuer_chain: collateral.tcbInfoIssuerChain,
    qe_identity: collateral.qeIdentity,
    qe_identity_issuer_chain: collateral.qeIdentityIssuerChain,
    root_ca_crl: collateral.rootCaCrl.toHex(),
    pck_crl: collateral.pckCrl.toHex(),
    pck_crl_issuer_chain: collateral.pckCrlIssuerChain,
  }
  return `${JSON.stringify(parts, undefined, 2)}\n`
}

function parseParts(json: string): z.infer<typeof schema> {
  const result = schema.safeParse(untypedJson(json))
  if (result.success) return result.data
  const [issue] = result.error.issues
  const field = ['collateral', ...(issue?.path ?? [])].join('.')
  throw new CollateralError('ERR_COLLATERAL_VALUE', field, issue?.message ?? 'invalid')
}

function untypedJson(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (error) {
    throw new CollateralError('ERR_COLLATERAL_FORMAT', 'collateral', 'not JSON', { cause: error })
  }
}

function crlBytes(text: string, field: string): Uint8Array {
  // Not by a pattern: one for blanks at the end looks at each of them again for every one before it.
  const trimmed = (text.endsWith('\0') ? text.slice(0, -1) : text).trim()
  if (trimmed.startsWith('-----')) {
    return inCollateral(() => singlePemBlock(trimmed, 'X509 CRL', field))
  }
  if (/^(?:[0-9a-fA-F]{2})+$/.test(trimmed)) return Uint8Array.fromHex(trimmed)
  throw new CollateralError('ERR_COLLATERAL_FORMAT', field, 'a CRL is DER, DER in hex, or PEM')
}

const sequenceTag = 0x30

/**
 * The DER of a CRL in whichever form it was served: DER, or PEM or DER in hex as text; one NUL after it is left out.
 *
 * @throws {CollateralError} `ERR_COLLATERAL_FORMAT`
 */
export function crlDer(bytes: Uint8Array, field: string): Uint8Array {
  if (bytes[0] === sequenceTag) return withoutNul(bytes)
  return crlBytes(new TextDecoder('latin1').decode(bytes), field)
}

/** A list says how long it is: a NUL is after it only where its own length ends before. */
function withoutNul(der: Uint8Array): Uint8Array {
  const count = (der[1] ?? 0) & 0x7f
  let length = 0
  for (let index = 0; index < count && index < 4; index++)
    length = length * 256 + (der[2 + index] ?? 0)
  const end = 2 + count + length
  return der.byteLength === end + 1 && der[end] === 0 ? der.subarray(0, end) : der
}
