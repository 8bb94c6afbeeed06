import { KubeApiError } from './kube-api-error.ts'

/**
 * Reads a quantity as Kubernetes writes it (`10Mi`, `98566144`, `1e3`, `100M`, `1500m`), as the integer that the
 * scheduler counts with: a fraction is rounded away from zero, and what is past 63 bits is 2^63-1.
 *
 * @throws {KubeApiError} `ERR_KUBE_QUANTITY`
 * @see k8s.io/apimachinery/pkg/api/resource/quantity.go: `ParseQuantity`, `Value`
 */
export function parseQuantity(text: string): bigint {
  const { sign = '', whole = '', fraction = '', suffix = '' } = QUANTITY.exec(text)?.groups ?? {}
  const scale = scaleOf(suffix)
  if (text.length > LONGEST || whole + fraction === '' || scale === undefined) {
    const shown = JSON.stringify(text.slice(0, LONGEST))
    throw new KubeApiError('ERR_KUBE_QUANTITY', `${shown} is no quantity, such as 10Mi`)
  }
  const tens = scale.tens - fraction.length
  const number = BigInt(whole + fraction) * scale.times
  const value = tens >= 0 ? number * 10n ** BigInt(tens) : roundedUp(number, 10n ** BigInt(-tens))
  const bounded = value > MOST ? MOST : value
  return sign === '-' ? -bounded : bounded
}

const QUANTITY = /^(?<sign>[+-]?)(?<whole>\d*)(?:\.(?<fraction>\d*))?(?<suffix>[a-zA-Z].*)?$/
/** Longer ones are legal, and nobody's: it bounds the work. */
const LONGEST = 64
/** As Kubernetes caps it. */
const MOST = 2n ** 63n - 1n
/** Past which each way a quantity of {@link LONGEST} characters is capped, or rounded to 1, whatever its digits. */
const TENS = 100

interface Scale {
  readonly times: bigint
  readonly tens: number
}

const decimal: ReadonlyMap<string, number> = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
])
const binary = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']

function scaleOf(suffix: string): Scale | undefined {
  const tens = decimal.get(suffix)
  if (tens !== undefined) return { times: 1n, tens }
  const power = binary.indexOf(suffix) + 1
  if (power > 0) return { times: 1024n ** BigInt(power), tens: 0 }
  const [, exponent] = /^[eE]([+-]?\d+)$/.exec(suffix) ?? []
  if (exponent === undefined) return undefined
  return { times: 1n, tens: Math.max(-TENS, Math.min(TENS, Number(exponent))) }
}

function roundedUp(number: bigint, by: bigint): bigint {
  return (number + by - 1n) / by
}
