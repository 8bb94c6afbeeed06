import { CollateralError } from './collateral-error.ts'
import { JsonReader } from './json-reader.ts'
import { PolicyError } from './policy-error.ts'

/**
 * A policy's JSON, not looked at yet. A key that occurs twice is refused: of two lists of enclaves one would count for nothing.
 *
 * @throws {PolicyError} `ERR_POLICY_FORMAT`
 */
export function policyJson(text: string): unknown {
  const reader = new JsonReader(text, 'policy')
  const visit = () => {
    const first = text[reader.start]
    if (first === '{') reader.object(visit)
    else if (first === '[') reader.array(visit)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
    visit()
  } catch (cause) {
    const twice = cause instanceof CollateralError && / (".*" occurs twice)/.exec(cause.message)
    const detail = twice
      ? `${twice[1]}: keep one of them`
      : 'not JSON: write one object, {"acceptStatuses": ["UpToDate"]} for a start'
    throw new PolicyError('ERR_POLICY_FORMAT', [{ field: 'policy', detail }], { cause })
  }
  return value
}
