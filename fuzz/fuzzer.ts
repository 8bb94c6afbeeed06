import {
  type Collateral,
  certificatesFromPem,
  createVerifier,
  intelRoots,
  parseCollateral,
  type Verifier,
  verify,
} from '../packages/dcap/src/index.ts'
import { encodeQuote, parseQuote } from '../packages/sgx/src/index.ts'
import { growBytes, growDer } from './grow.ts'
import { mutate } from './mutate.ts'
import type { Random } from './random.ts'
import { readSamples, type Sample } from './samples.ts'
import { SignedParts } from './signed-parts.ts'

const roots = intelRoots

/** One input in so many is as large as is read. */
const LARGE = 400
/** What is read of each, in bytes; of a certificate, so that its chain as PEM is. */
const most = {
  quote: 1024 * 1024,
  certificate: 40 * 1024,
  crl: 1024 * 1024,
  object: 512 * 1024,
  chain: 64 * 1024,
  bundle: 4 * 1024 * 1024,
} as const

export const kinds = [
  'quote',
  'certificate',
  'crl',
  'tcb-info',
  'qe-identity',
  'issuer-chain',
  'bundle',
] as const
export type Kind = (typeof kinds)[number]

/** What has become of one mutated input. */
export interface Outcome {
  readonly kind: Kind
  readonly sample: string
  /** The code of the refusal, or `accepted`: only what is signed was left as it was. */
  readonly result: string
  /** Why this is a defect; `undefined` if it is none. */
  readonly problem: string | undefined
}

interface Evidence {
  readonly quote: Uint8Array
  readonly collateral: Collateral
}

/** Mutates real evidence in one place, and verifies what comes of it. */
export class Fuzzer {
  readonly #samples: readonly Sample[] = readSamples()
  readonly #signed = new SignedParts(this.#samples)
  /** One for each sample, that knows its platform: what is kept is attacked, too. */
  readonly #verifiers: ReadonlyMap<Sample, Verifier>

  constructor() {
    this.#verifiers = new Map(
      this.#samples.map(sample => {
        const verifier = createVerifier(sample.collateral, { roots })
        verifier.verify(sample.quote, { at: sample.at })
        return [sample, verifier]
      }),
    )
  }

  run(random: Random): Outcome {
    const kind = random.of(kinds)
    const sample = random.of(this.#samples)
    const outcome = { kind, sample: sample.name }
    try {
      const evidence = this.#mutated(kind, sample, random)
      const isKept = evidence.collateral === sample.collateral && !random.once(8)
      const { at } = sample
      if (isKept) this.#verifiers.get(sample)?.verify(evidence.quote, { at })
      else if (random.once(4)) verifyBothWays(evidence, at)
      else verify(evidence.quote, evidence.collateral, { at, roots })
      const foreign = this.#signed.foreign(evidence.quote, evidence.collateral)
      const problem = foreign && `accepted, though this is not as it was signed: ${foreign}`
      return { ...outcome, result: 'accepted', problem }
    } catch (error) {
      return { ...outcome, ...refusal(error) }
    }
  }

  #mutated(kind: Kind, sample: Sample, random: Random): Evidence {
    const { quote, collateral } = sample
    const others = this.#samples
    const text = (size: number, of: (other: Sample) => string) => {
      const bytes = encode(of(sample))
      if (random.once(LARGE)) return decode(growBytes(bytes, random, size))
      const texts = others.map(other => encode(of(other)))
      return decode(mutate(bytes, random, texts))
    }
    switch (kind) {
      case 'quote': {
        const quotes = others.map(other => other.quote)
        if (random.once(LARGE)) return { quote: growBytes(quote, random, most.quote), collateral }
        return { quote: mutate(quote, random, quotes), collateral }
      }
      case 'certificate':
        return { quote: this.#withCertificate(sample, random), collateral }
      case 'crl': {
        const part = random.of(['rootCaCrl', 'pckCrl'] as const)
        const crl = this.#crl(sample, part, random)
        return { quote, collateral: { ...collateral, [part]: crl } }
      }
      case 'tcb-info':
        return {
          quote,
          collateral: { ...collateral, tcbInfo: text(most.object, one => one.collateral.tcbInfo) },
        }
      case 'qe-identity': {
        const qeIdentity = text(most.object, one => one.collateral.qeIdentity)
        return { quote, collateral: { ...collateral, qeIdentity } }
      }
      case 'issuer-chain': {
        const part = random.of(['tcbInfoIssuerChain', 'qeIdentityIssuerChain'] as const)
        const chain = text(most.chain, one => one.collateral[part])
        return { quote, collateral: { ...collateral, [part]: chain } }
      }
      case 'bundle':
        if (random.once(LARGE)) {
          return { quote, collateral: parseCollateral(grownBundle(sample.bundle, random)) }
        }
        return { quote, collateral: parseCollateral(text(most.bundle, one => one.bundle)) }
    }
  }

  #crl(sample: Sample, part: 'rootCaCrl' | 'pckCrl', random: Random): Uint8Array {
    const crl = sample.collateral[part]
    const form = random.of(forms)
    if (random.once(LARGE)) return inForm(form, growDer(crl, random, mostDer[form]))
    if (random.once(LARGE)) return growBytes(inForm(form, crl), random, most.crl)
    const lists = this.#samples.map(other => other.collateral[part])
    return inForm(form, mutate(crl, random, lists))
  }

  /** One certificate of the quote's chain is mutated in its DER; the PEM around it is whole. */
  #withCertificate(sample: Sample, random: Random): Uint8Array {
    const chainOf = ({ quote }: Sample) =>
      certificatesFromPem(decode(parseQuote(quote).certification.data))
    const chain = chainOf(sample)
    const which = random.below(chain.length)
    const others = this.#samples.map(other => chainOf(other)[which] ?? new Uint8Array(1))
    const changed = (der: Uint8Array) =>
      random.once(LARGE) ? growDer(der, random, most.certificate) : mutate(der, random, others)
    const pem = chain
      .map((der, index) => (index === which ? changed(der) : der))
      .map(der => `-----BEGIN CERTIFICATE-----\n${der.toBase64()}\n-----END CERTIFICATE-----\n`)
    const quote = parseQuote(sample.quote)
    const certification = { type: quote.certification.type, data: encode(pem.join('')) }
    return encodeQuote({ ...quote, certification })
  }
}

/** With steps each check is made at its place, without them signatures come last: the first that fails is the same. */
function verifyBothWays({ quote, collateral }: Evidence, at: Date): void {
  const refusalOf = (onStep?: () => void): unknown => {
    try {
      verify(quote, collateral, onStep === undefined ? { at, roots } : { at, roots, onStep })
      return undefined
    } catch (error) {
      return error
    }
  }
  const [inOne, inTwo] = [refusalOf(() => undefined), refusalOf()]
  if (String(inOne) !== String(inTwo)) throw new TypeError(`with steps ${inOne}, without ${inTwo}`)
  if (inTwo !== undefined) throw inTwo
}

/** A bundle of which one part is as long as there is room for. */
function grownBundle(bundle: string, random: Random): string {
  const parts: Record<string, string> = JSON.parse(bundle)
  const [name, part] = random.of(Object.entries(parts))
  const size = most.bundle - bundle.length
  return JSON.stringify({ ...parts, [name]: decode(growBytes(encode(part), random, size)) })
}

/** How a CRL is served: DER, or hex or PEM as text. */
const forms = ['der', 'der', 'hex', 'pem'] as const
type Form = (typeof forms)[number]

/** So that it is read in that form. */
const mostDer: Readonly<Record<Form, number>> = {
  der: most.crl,
  hex: most.crl / 2,
  pem: 40 * 1024,
}

function inForm(form: Form, der: Uint8Array): Uint8Array {
  if (form === 'der') return der
  if (form === 'hex') return encode(der.toHex())
  return encode(`-----BEGIN X509 CRL-----\n${der.toBase64()}\n-----END X509 CRL-----\n`)
}

const expected = /^ERR_(?:FORMAT|COLLATERAL|VERIFY)_/

function refusal(error: unknown): Pick<Outcome, 'result' | 'problem'> {
  if (error instanceof Error && 'code' in error && expected.test(String(error.code))) {
    return { result: String(error.code), problem: undefined }
  }
  const stack = error instanceof Error ? error.stack : undefined
  return { result: 'crash', problem: stack ?? String(error) }
}

function encode(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'))
}

function decode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}
