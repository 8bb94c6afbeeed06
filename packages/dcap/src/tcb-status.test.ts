import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { convergeStatus, levelStatuses, moduleStatuses, relaunchStatus } from './tcb-status.ts'

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
  for (const [index, qe] of moduleStatuses.entries()) {
    test(`a platform that is ${platform} with a QE that is ${qe} is ${outcomes[index]}`, () => {
      equal(convergeStatus(platform, qe), outcomes[index])
    })
  }
}

test('a worse QE never makes a status better, and revocation is final', () => {
  const platforms = fc.constantFrom(...levelStatuses)
  fc.assert(
    fc.property(platforms, fc.constantFrom(...moduleStatuses), (platform, qe) => {
      const status = convergeStatus(platform, qe)
      equal(status === 'UpToDate', platform === 'UpToDate' && qe === 'UpToDate')
      equal(status === 'Revoked', platform === 'Revoked' || qe === 'Revoked')
      equal(convergeStatus(status, qe), status)
    }),
  )
})

/** Status at launch, status now, what comes out; from Intel's table, row by row. */
const relaunches = [
  ['OutOfDate', 'UpToDate', 'TDRelaunchAdvised'],
  ['OutOfDate', 'SWHardeningNeeded', 'TDRelaunchAdvised'],
  ['OutOfDate', 'ConfigurationNeeded', 'TDRelaunchAdvisedConfigurationNeeded'],
  ['OutOfDate', 'ConfigurationAndSWHardeningNeeded', 'TDRelaunchAdvisedConfigurationNeeded'],
  ['OutOfDateConfigurationNeeded', 'UpToDate', 'TDRelaunchAdvisedConfigurationNeeded'],
  ['OutOfDateConfigurationNeeded', 'SWHardeningNeeded', 'TDRelaunchAdvisedConfigurationNeeded'],
  ['OutOfDateConfigurationNeeded', 'ConfigurationNeeded', 'TDRelaunchAdvisedConfigurationNeeded'],
  [
    'OutOfDateConfigurationNeeded',
    'ConfigurationAndSWHardeningNeeded',
    'TDRelaunchAdvisedConfigurationNeeded',
  ],
] as const

test('a TD that was launched out of date on what is good now is advised to be launched anew; any other is as it was launched', () => {
  for (const launch of levelStatuses) {
    for (const current of levelStatuses) {
      const row = relaunches.find(([then, now]) => then === launch && now === current)
      equal(relaunchStatus(launch, current), row?.[2] ?? launch, `${launch}, ${current}`)
    }
  }
})
