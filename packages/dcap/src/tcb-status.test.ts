import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { convergeStatus, qeStatuses, tcbStatuses } from './tcb-status.ts'

/** Platform status, then what comes out with a QE that is UpToDate, OutOfDate, Revoked. */
const table = [
  ['UpToDate', 'UpToDate', 'OutOfDate', 'Revoked'],
  ['SWHardeningNeeded', 'SWHardeningNeeded', 'OutOfDate', 'Revoked'],
  ['ConfigurationNeeded', 'ConfigurationNeeded', 'OutOfDateConfigurationNeeded', 'Revoked'],
  [
    'ConfigurationAndSWHardeningNeeded',
    'ConfigurationAndSWHardeningNeeded',
    'OutOfDateConfigurationNeeded',
    'Revoked',
  ],
  ['OutOfDate', 'OutOfDate', 'OutOfDate', 'Revoked'],
  [
    'OutOfDateConfigurationNeeded',
    'OutOfDateConfigurationNeeded',
    'OutOfDateConfigurationNeeded',
    'Revoked',
  ],
  ['Revoked', 'Revoked', 'Revoked', 'Revoked'],
] as const

for (const [platform, ...outcomes] of table) {
  for (const [index, qe] of qeStatuses.entries()) {
    test(`a platform that is ${platform} with a QE that is ${qe} is ${outcomes[index]}`, () => {
      equal(convergeStatus(platform, qe), outcomes[index])
    })
  }
}

test('a worse QE never makes a status better, and revocation is final', () => {
  const platforms = fc.constantFrom(...tcbStatuses)
  fc.assert(
    fc.property(platforms, fc.constantFrom(...qeStatuses), (platform, qe) => {
      const status = convergeStatus(platform, qe)
      equal(status === 'UpToDate', platform === 'UpToDate' && qe === 'UpToDate')
      equal(status === 'Revoked', platform === 'Revoked' || qe === 'Revoked')
      equal(convergeStatus(status, qe), status)
    }),
  )
})
