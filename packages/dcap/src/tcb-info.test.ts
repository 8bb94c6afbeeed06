import { equal, throws } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseCollateral } from './collateral.ts'
import { parseTcbInfo } from './tcb-info.ts'

const file = new URL('../../../vectors/sgx-v3-phala/collateral.json', import.meta.url)
const { tcbInfo } = parseCollateral(readFileSync(file, 'utf8'))

/** The TCB info with something else where its first `{"svn":11}` stands. */
function withFirst(component: string): string {
  return tcbInfo.replace('{"svn":11}', component)
}

test('an SVN is read in whatever JSON it is written', () => {
  for (const [component, svn] of [
    ['{"svn":0}', 0],
    ['{"svn":255}', 255],
    ['{ "svn" : 77 }', 77],
    ['{"svn":77 }', 77],
    ['{"svn":255,"category":"BIOS","type":"Early Microcode Update"}', 255],
    ['{"category":"BIOS","svn":254}', 254],
    ['{"other":[1,{"a":null}],"svn":12}', 12],
  ] as const) {
    const { tcbLevels } = parseTcbInfo(withFirst(component)).value
    // Levels are sorted: the changed one may be another than the first.
    equal(tcbLevels.filter(({ components }) => components[0] === svn).length, 1, component)
  }
})

test('an SVN that is none is refused, and what is no JSON too', () => {
  const field = 'tcbInfo.tcbLevels.0.tcb.sgxtcbcomponents.0.svn'
  for (const component of [
    '{"svn":256}',
    '{"svn":-1}',
    '{"svn":1.5}',
    '{"svn":1e1}',
    '{"svn":""}',
  ]) {
    throws(() => parseTcbInfo(withFirst(component)), { code: 'ERR_COLLATERAL_VALUE', field })
  }
  throws(() => parseTcbInfo(withFirst('{}')), { code: 'ERR_COLLATERAL_VALUE', field })
  for (const component of [
    '{"svn":007}',
    '{"svn":}',
    '{"svn":7',
    '{"svn":7,}',
    '{"svn":7,"svn":7}',
  ]) {
    throws(() => parseTcbInfo(withFirst(component)), { name: 'CollateralError' }, component)
  }
})

test('what Intel calls a component is known, with where it comes from', () => {
  const named = withFirst('{"svn":11,"category":"BIOS","type":"Early Microcode Update"}')
  const { componentNames } = parseTcbInfo(named).value
  equal(componentNames.components[0], 'Early Microcode Update (BIOS)')
  equal(componentNames.components[1], undefined)
})
