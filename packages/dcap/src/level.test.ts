import { equal, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseQuote } from '@alcove/sgx'
import fc from 'fast-check'
import { parseCollateral } from './collateral.ts'
import { moduleLevel } from './module-level.ts'
import { differingField, parseQeIdentity } from './qe-identity.ts'
import { parseTcbInfo } from './tcb-info.ts'
import { platformLevel } from './tcb-level.ts'

const vectors = new URL('../../../vectors/sgx-v3-phala/', import.meta.url)
const collateral = parseCollateral(readFileSync(new URL('collateral.json', vectors), 'utf8'))
const levels = parseTcbInfo(collateral.tcbInfo).value.tcbLevels
const identity = parseQeIdentity(collateral.qeIdentity).value
const { qeReport } = parseQuote(readFileSync(new URL('quote.bin', vectors)))

/** 255 among small SVNs: Intel's levels ask for it, and without it no platform would reach any. */
const svn = fc.oneof(fc.nat(20), fc.constant(255))
const platform = fc.record({
  components: fc.array(svn, { minLength: 16, maxLength: 16 }),
  pceSvn: fc.nat(20),
})

test('a platform is at a level when no component and no PCESVN is below it, and at the best such level', () => {
  fc.assert(
    fc.property(platform, svns => {
      const found = platformLevel(levels, svns)
      const reached = levels.filter(
        level =>
          level.pceSvn <= svns.pceSvn &&
          !level.components.some((svn, index) => svn > (svns.components[index] ?? 0)),
      )
      equal(found, reached[0])
    }),
  )
})

test('a higher SVN anywhere never leads to a worse level', () => {
  const rank = (svns: { components: readonly number[]; pceSvn: number }) => {
    const level = platformLevel(levels, svns)
    return level === undefined ? levels.length : levels.indexOf(level)
  }
  fc.assert(
    fc.property(platform, fc.nat(15), fc.nat(5), (svns, index, more) => {
      const components = svns.components.with(index, (svns.components[index] ?? 0) + more)
      ok(rank({ ...svns, components }) <= rank(svns))
      ok(rank({ ...svns, pceSvn: svns.pceSvn + more }) <= rank(svns))
    }),
  )
})

test('every level is reached by its own SVNs, and one component less misses it', () => {
  for (const level of levels) {
    equal(platformLevel(levels, level), level)
    const index = level.components.findIndex(svn => svn > 0)
    const components = level.components.with(index, (level.components[index] ?? 0) - 1)
    if (index !== -1) ok(platformLevel(levels, { ...level, components }) !== level)
  }
  equal(platformLevel(levels, { components: Array(16).fill(0), pceSvn: 0 }), undefined)
})

test('a QE is at the best level that its ISVSVN reaches', () => {
  for (const level of identity.tcbLevels)
    equal(moduleLevel(identity.tcbLevels, level.isvSvn), level)
  equal(moduleLevel(identity.tcbLevels, 65535), identity.tcbLevels[0])
  equal(
    moduleLevel([{ isvSvn: 3, tcbDate: new Date(0), status: 'UpToDate', advisories: [] }], 2),
    undefined,
  )
})

test('a QE is compared with its identity under the masks, field by field', () => {
  equal(differingField(qeReport, identity), undefined)
  const { attributes } = qeReport
  const flags = (bit: bigint) => ({ ...attributes, flags: attributes.flags | bit })
  const mrSigner = Uint8Array.from(qeReport.mrSigner).fill(0)
  for (const [changed, field] of [
    [{ miscSelect: 0x8000_0000 }, 'miscSelect'],
    [{ attributes: flags(0x2n) }, 'attributes'],
    [{ attributes: flags(0x1n << 63n) }, 'attributes'],
    // INIT… are compared, but MODE64 is outside Intel's mask, and so is XFRM.
    [{ attributes: { ...attributes, flags: attributes.flags ^ 0x4n } }, undefined],
    [{ attributes: { ...attributes, xfrm: 0x3n } }, undefined],
    [{ mrSigner }, 'mrSigner'],
    [{ isvProdId: 2 }, 'isvProdId'],
    [{ isvProdId: 2, mrSigner, miscSelect: 1 }, 'miscSelect'],
  ] as const) {
    equal(differingField({ ...qeReport, ...changed }, identity), field)
  }
})
