import {
  type Collateral,
  certificatesFromPem,
  crlDer,
  parseQeIdentity,
  parseTcbInfo,
} from '../packages/dcap/src/index.ts'
import { parseQuote } from '../packages/sgx/src/index.ts'
import type { Sample } from './samples.ts'

/**
 * Every byte that some signature of a verification is over, or that is a signature, part by part. What is accepted may differ from what Intel
 * signed in nothing of it: another order of certificates, other white space in PEM and bytes after a quote are all that is left.
 */
export class SignedParts {
  readonly #genuine: ReadonlySet<string>

  constructor(samples: readonly Sample[]) {
    this.#genuine = new Set(
      samples.flatMap(({ quote, collateral }) => [
        ...partsOfQuote(quote),
        ...partsOfCollateral(collateral),
      ]),
    )
  }

  /** The first part of accepted evidence that no sample has; `undefined` if there is none. */
  foreign(quote: Uint8Array, collateral: Collateral): string | undefined {
    const parts = [...partsOfQuote(quote), ...partsOfCollateral(collateral)]
    return parts.find(part => !this.#genuine.has(part))
  }
}

function partsOfQuote(bytes: Uint8Array): string[] {
  const quote = parseQuote(bytes)
  const own = [
    quote.signedBytes,
    quote.signature,
    quote.attestationKey,
    quote.qeReportBytes,
    quote.qeReportSignature,
    quote.qeAuthData,
  ]
  return [
    `quote ${own.map(part => part.toHex()).join(' ')}`,
    ...partsOfChain(new TextDecoder('latin1').decode(quote.certification.data)),
  ]
}

function partsOfCollateral(collateral: Collateral): string[] {
  const tcbInfo = parseTcbInfo(collateral.tcbInfo)
  const qeIdentity = parseQeIdentity(collateral.qeIdentity)
  return [
    ...[tcbInfo, qeIdentity].map(
      ({ signed, signature }) => `object ${signed.toHex()} ${signature.toHex()}`,
    ),
    ...partsOfChain(collateral.tcbInfoIssuerChain),
    ...partsOfChain(collateral.qeIdentityIssuerChain),
    ...[collateral.rootCaCrl, collateral.pckCrl].map(crl => `crl ${crlDer(crl, 'crl').toHex()}`),
  ]
}

function partsOfChain(pem: string): string[] {
  return certificatesFromPem(pem).map(der => `certificate ${der.toHex()}`)
}
