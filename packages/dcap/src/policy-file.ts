import * as z from 'zod'
import { defaultPolicy, type Policy } from './policy.ts'
import { PolicyError, type PolicyProblem } from './policy-error.ts'
import { policyJson } from './policy-json.ts'
import {
  acceptableStatus,
  allowed,
  anyOr,
  bytesInHex,
  flag,
  integer,
  tdAttributeBits,
  time,
} from './policy-values.ts'

const largestFile = 256 * 1024

/**
 * Reads a policy from its file form, JSON. What is left out is as in `defaultPolicy`; a key that is not known is refused.
 *
 * @throws {PolicyError} `ERR_POLICY_TOO_LARGE` over 256 KiB; `ERR_POLICY_FORMAT` for what is not JSON; `ERR_POLICY_VALUE`
 *   with every value that is not allowed
 * @see docs/guides/policy.md
 */
export function parsePolicy(text: string): Policy {
  if (text.length > largestFile) {
    const detail = `${text.length} characters; at most ${largestFile} are read: is it a policy?`
    throw new PolicyError('ERR_POLICY_TOO_LARGE', [{ field: 'policy', detail }])
  }
  const result = schema.safeParse(policyJson(text))
  if (!result.success) throw new PolicyError('ERR_POLICY_VALUE', result.error.issues.flatMap(told))
  const { $schema: _, ...policy } = result.data
  return policy
}

/** The JSON Schema of the file form, for editors: `docs/policy.schema.json`. */
export function policySchema(): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(schema, { io: 'input' })
}

const anObject = { error: 'want an object: {…}' }
const measurement = (description: string) => allowed(48).exactOptional().describe(description)

const measurements = z.strictObject(
  {
    mrTd: measurement('MRTD: what the TD was launched from.'),
    rtmr0: measurement('RTMR0: this and the next three are what the TD has measured since.'),
    rtmr1: measurement('RTMR1.'),
    rtmr2: measurement('RTMR2.'),
    rtmr3: measurement('RTMR3.'),
    mrConfigId: measurement('MRCONFIGID.'),
    mrOwner: measurement('MROWNER.'),
    mrOwnerConfig: measurement('MROWNERCONFIG.'),
    mrServiceTd: measurement('MRSERVICETD, which quotes have from TDX 1.5 on.'),
    mrSeam: measurement('MRSEAM: the TDX module.'),
  },
  anObject,
)

const td = z.strictObject(
  {
    measurements: measurements.exactOptional().describe('Each as a list of what is allowed.'),
    requiredAttributes: tdAttributeBits()
      .exactOptional()
      .describe('TDATTRIBUTES that have to be set.'),
    forbiddenAttributes: tdAttributeBits()
      .exactOptional()
      .describe('TDATTRIBUTES that must not be set.'),
  },
  anObject,
)

const kss = z.strictObject(
  {
    configId: allowed(64).exactOptional().describe('CONFIGID.'),
    isvExtProdId: allowed(16).exactOptional().describe('ISVEXTPRODID.'),
    isvFamilyId: allowed(16).exactOptional().describe('ISVFAMILYID.'),
    minConfigSvn: integer(0xffff)
      .exactOptional()
      .describe('CONFIGSVN: how new the configuration has to be.'),
  },
  anObject,
)

const schema = z
  .strictObject(
    {
      $schema: z
        .string({ error: 'want the address of the schema, or nothing' })
        .exactOptional()
        .describe('Where the schema is, for an editor. It changes nothing.'),
      acceptStatuses: z
        .array(acceptableStatus(), { error: 'want a list of TCB statuses: ["UpToDate"]' })
        .default([...defaultPolicy.acceptStatuses])
        .describe('The TCB statuses that are accepted. Revoked cannot be.'),
      allowAdvisories: anyOr(
        z.string({ error: 'want an advisory by name, such as "INTEL-SA-00615"' }),
        'advisories by name, such as "INTEL-SA-00615"',
      )
        .default('any')
        .describe('Which of Intel’s security advisories may be open.'),
      allowExpired: flag()
        .default(defaultPolicy.allowExpired)
        .describe('Whether collateral and certificates may have expired.'),
      allowNotYetValid: flag()
        .default(defaultPolicy.allowNotYetValid)
        .describe('Whether they may be valid only later.'),
      minTcbEvaluationDataNumber: integer(0xffff_ffff)
        .default(defaultPolicy.minTcbEvaluationDataNumber)
        .describe('How new Intel’s evaluation has to be, in TCB info and QE identity.'),
      minTcbDate: time()
        .exactOptional()
        .describe('From when on the TCB level has to be: RFC 3339, with seconds and a zone.'),
      allowDebug: flag()
        .default(defaultPolicy.allowDebug)
        .describe('Whether it may run in debug mode, where its memory can be read from outside.'),
      mrEnclaves: allowed(32).default('any').describe('MRENCLAVE: which enclaves.'),
      mrSigners: allowed(32).default('any').describe('MRSIGNER: whose enclaves.'),
      isvProdId: z
        .union([z.literal('any'), integer(0xffff)], {
          error: 'want "any", or an integer from 0 to 65535 without quotes',
        })
        .default('any')
        .describe('ISVPRODID: which product of its signer.'),
      minIsvSvn: integer(0xffff)
        .default(defaultPolicy.minIsvSvn)
        .describe('ISVSVN: how new the enclave has to be.'),
      kss: kss.exactOptional().describe('Of enclaves with KSS.'),
      td: td.exactOptional().describe('Of TDs.'),
      reportData: bytesInHex(64)
        .exactOptional()
        .describe('REPORTDATA in hex; zeros follow it up to 64 bytes.'),
    },
    anObject,
  )
  .describe('What a relying party asks of a quote. What is left out is as its default says.')

/** Of `"any"` or a list, what is wrong in the list where a list is what was written. */
function told(issue: z.core.$ZodIssue): PolicyProblem[] {
  if (issue.code === 'invalid_union') {
    const inside = issue.errors.flat().filter(({ path }) => path.length > 0)
    if (inside.length > 0) {
      return inside.flatMap(one => told({ ...one, path: [...issue.path, ...one.path] }))
    }
  }
  const field = ['policy', ...issue.path].join('.')
  if (issue.code !== 'unrecognized_keys') return [{ field, detail: issue.message }]
  const known = Object.keys(shapes[issue.path.join('.')] ?? {}).join(', ')
  return issue.keys.map(key => ({
    field: `${field}.${key}`,
    detail: `unknown: leave it out, or write one of ${known}`,
  }))
}

const shapes: Readonly<Record<string, object>> = {
  '': schema.shape,
  kss: kss.shape,
  td: td.shape,
  'td.measurements': measurements.shape,
}
