// Over 300 lines: one table of every state that a verifier can meet, with what it has to say of each.
import { deepEqual, equal, match, notEqual, ok, throws } from 'node:assert/strict'
import { test } from 'node:test'
import {
  certificatesFromPem,
  type LevelStatus,
  type ModuleStatus,
  parseCollateral,
  parsePckCertificate,
  type Verified,
  verify,
} from '@alcove/dcap'
import { parseQuote, parseTargetInfo } from '@alcove/sgx'
import { simulatedMrSigner } from '../client/signer.ts'
import {
  type PcsOptions,
  type Period,
  type Publication,
  qeIsvSvnFor,
  recover,
} from '../pcs/index.ts'
import { type CollateralChanges, createPlatform, type Platform } from './platform.ts'
import { newPlatformState, provisioned, statusUnder } from './platform-state.ts'

// Every way in which a platform, its certificates or its collateral can be out of order, as this verifier finds it.

const at = new Date('2026-05-01T12:00:00Z')
const day = 86_400_000
const cas = ['processor', 'platform'] as const
const ran: Record<string, number> = {}
const count = (what: string) => {
  ran[what] = (ran[what] ?? 0) + 1
}

interface Setting {
  readonly tcb?: LevelStatus
  readonly qe?: ModuleStatus
  readonly ca?: 'processor' | 'platform'
  readonly platformId?: string
  readonly publication?: Publication
  readonly validity?: NonNullable<PcsOptions['validity']>
}

function platformAt({ tcb, qe = 'UpToDate', publication, ...others }: Setting): Platform {
  const published = publication ?? { recoveries: [] }
  const fresh = newPlatformState(others.platformId ?? 'node', published)
  return createPlatform({
    seed: new Uint8Array(32).fill(7),
    now: () => at,
    random: length => new Uint8Array(length).fill(1),
    epcBytes: 2 ** 20,
    state: { ...fresh, qeIsvSvn: qeIsvSvnFor(qe, published) },
    publication: () => published,
    ...(tcb === undefined ? {} : { tcb }),
    ...others,
  })
}

function quoteOf(platform: Platform): Uint8Array {
  const enclave = platform.createEnclave({ sizeBytes: 8192, ssaFrameSize: 1, debug: false })
  enclave.addMeasured(0, 0x205n, new Uint8Array(4096).fill(3))
  enclave.init({ mrSigner: simulatedMrSigner('test'), isvProdId: 1, isvSvn: 2 })
  const target = parseTargetInfo(platform.quoting.targetInfo)
  const report = enclave.report(target, new Uint8Array(64).fill(8))
  enclave.destroy()
  return platform.quoting.quote({ report }).quote
}

function verified(
  platform: Platform,
  changes: CollateralChanges = {},
  quote: Uint8Array = quoteOf(platform),
): Verified {
  const collateral = parseCollateral(JSON.stringify(platform.collateral(at, changes)))
  return verify(quote, collateral, { at, roots: [platform.rootCertificate] })
}

/** Intel's table of what a platform's status and its QE's make together, written out. */
const convergence: Readonly<Record<LevelStatus, readonly [LevelStatus, LevelStatus, LevelStatus]>> =
  {
    UpToDate: ['UpToDate', 'OutOfDate', 'Revoked'],
    SWHardeningNeeded: ['SWHardeningNeeded', 'OutOfDate', 'Revoked'],
    ConfigurationNeeded: ['ConfigurationNeeded', 'OutOfDateConfigurationNeeded', 'Revoked'],
    ConfigurationAndSWHardeningNeeded: [
      'ConfigurationAndSWHardeningNeeded',
      'OutOfDateConfigurationNeeded',
      'Revoked',
    ],
    OutOfDate: ['OutOfDate', 'OutOfDate', 'Revoked'],
    OutOfDateConfigurationNeeded: [
      'OutOfDateConfigurationNeeded',
      'OutOfDateConfigurationNeeded',
      'Revoked',
    ],
    Revoked: ['Revoked', 'Revoked', 'Revoked'],
  }
const platformStatuses = Object.keys(convergence) as LevelStatus[]
const qeStatuses = ['UpToDate', 'OutOfDate', 'Revoked'] as const

for (const ca of cas) {
  for (const tcb of platformStatuses) {
    test(`a platform of the ${ca} CA that is ${tcb}, with a QE of every status`, () => {
      for (const [index, qe] of qeStatuses.entries()) {
        const found = verified(platformAt({ tcb, qe, ca }))
        equal(found.platform.status, tcb)
        equal(found.qe.status, qe)
        equal(found.status, convergence[tcb][index])
        equal(found.expired.length + found.notYetValid.length, 0)
        count('statuses (CA × platform × QE)')
      }
    })
  }
}

const expired: Period = {
  from: new Date(at.getTime() - 9 * day),
  until: new Date(at.getTime() - 1),
}
const notYetValid: Period = {
  from: new Date(at.getTime() + day),
  until: new Date(at.getTime() + 9 * day),
}
const lists = [
  ['expired', { from: expired.from, until: new Date(at.getTime() - day) }],
  ['notYetValid', notYetValid],
] as const
const items = {
  tcbInfo: 'tcb-info',
  qeIdentity: 'qe-identity',
  rootCaCrl: 'root-ca-crl',
  pckCrl: 'pck-crl',
}

for (const ca of cas) {
  for (const [list, period] of lists) {
    const other = list === 'expired' ? 'notYetValid' : 'expired'
    test(`each part of a ${ca} platform's collateral that is ${list} is found so, and nothing else is`, () => {
      for (const part of ['tcbInfo', 'qeIdentity', 'rootCaCrl', 'pckCrl'] as const) {
        const found = verified(platformAt({ ca }), { validity: { [part]: period } })
        deepEqual(
          found[list].map(({ item }) => item),
          [items[part]],
        )
        equal(found[other].length, 0)
        count(`parts ${list}`)
      }
    })

    test(`each certificate of a ${ca} platform that is ${list} is found so wherever it stands`, () => {
      const where = {
        root: [
          'pck-chain: Alcove Simulated SGX Root CA',
          'qe-identity-chain: Alcove Simulated SGX Root CA',
          'tcb-info-chain: Alcove Simulated SGX Root CA',
        ],
        [ca]: [
          `pck-chain: Alcove Simulated SGX PCK ${ca === 'processor' ? 'Processor' : 'Platform'} CA`,
        ],
        tcbSigning: [
          'qe-identity-chain: Alcove Simulated SGX TCB Signing',
          'tcb-info-chain: Alcove Simulated SGX TCB Signing',
        ],
        pck: ['pck-chain: Alcove Simulated SGX PCK Certificate'],
      }
      for (const [role, wanted] of Object.entries(where)) {
        const found = verified(platformAt({ ca, validity: { [role]: period } }))
        deepEqual(found[list].map(({ item }) => item).toSorted(), wanted)
        equal(found[other].length, 0)
        count(`certificates ${list}`)
      }
    })
  }

  test(`each revocation over a ${ca} platform refuses its quotes, by its name, and other revocations do not`, () => {
    const platform = platformAt({ ca })
    const codes = [
      ['pck', 'ERR_VERIFY_PCK_REVOKED'],
      [ca, 'ERR_VERIFY_INTERMEDIATE_CA_REVOKED'],
      ['tcbSigning', 'ERR_VERIFY_TCB_SIGNING_CERT_REVOKED'],
    ] as const
    for (const [one, code] of codes) {
      throws(() => verified(platform, { revoked: [one] }), { code })
      count('revocations')
    }
    const otherCa = ca === 'processor' ? 'platform' : 'processor'
    equal(verified(platform, { revoked: [otherCa] }).status, 'UpToDate')
  })
}

test('a revoked PCK is that of one platform at one TCB: others, and the same one updated, go on', () => {
  const one = platformAt({ platformId: 'one' })
  const two = platformAt({ platformId: 'two' })
  const revoked = ['pck'] as const
  const onesCollateral = parseCollateral(JSON.stringify(one.collateral(at, { revoked })))
  const under = (platform: Platform) =>
    verify(quoteOf(platform), onesCollateral, { at, roots: [one.rootCertificate] })
  // The authorities' certificates are signed anew by each platform here, with the same keys.
  throws(() => under(one), { code: 'ERR_VERIFY_PCK_REVOKED' })
  equal(under(two).status, 'UpToDate')
  equal(under(platformAt({ platformId: 'one', tcb: 'OutOfDate' })).status, 'OutOfDate')
})

test('several platforms of one seed share a root, and no PPID, PCK, QE id, attestation key or CPU key', () => {
  const platforms = ['node', 'node-2', 'node-3'].map(platformId => platformAt({ platformId }))
  const facts = platforms.map(platform => {
    const { header, attestationKey, certification } = parseQuote(quoteOf(platform))
    const pem = new TextDecoder().decode(certification.data).replace('\0', '')
    const [leafDer = new Uint8Array()] = certificatesFromPem(pem, 'PCK chain')
    const leaf = parsePckCertificate(leafDer)
    return {
      ppid: leaf.ppid.toHex(),
      serial: leaf.serial,
      qeId: header.userData.toHex(),
      attestationKey: attestationKey.toHex(),
    }
  })
  for (const fact of ['ppid', 'serial', 'qeId', 'attestationKey'] as const) {
    equal(new Set(facts.map(one => one[fact])).size, 3, fact)
  }
  const [first, second] = platforms
  ok(first && second)
  const enclave = first.createEnclave({ sizeBytes: 8192, ssaFrameSize: 1, debug: false })
  enclave.init({ mrSigner: new Uint8Array(32), isvProdId: 0, isvSvn: 0 })
  const report = enclave.report(parseTargetInfo(second.quoting.targetInfo), new Uint8Array(64))
  throws(() => second.quoting.quote({ report }), { code: 'ERR_SIMULATOR_REPORT' })
})

test('a TCB recovery makes old quotes, and new ones of what was not updated, out of date; an updated platform is not', () => {
  const before: Publication = { recoveries: [] }
  const recovered = recover(before, at)
  const state = newPlatformState('node', before)
  const platformWith = (
    published: Publication,
    of = state,
    tcb: LevelStatus = 'UpToDate',
  ): Platform =>
    createPlatform({
      seed: new Uint8Array(32).fill(7),
      now: () => at,
      random: length => new Uint8Array(length).fill(1),
      epcBytes: 2 ** 20,
      state: of,
      tcb,
      publication: () => published,
    })
  const oldQuote = quoteOf(platformWith(before))
  equal(verified(platformWith(before), {}, oldQuote).status, 'UpToDate')
  const stale = platformWith(recovered)
  for (const quote of [oldQuote, quoteOf(stale)]) {
    const found = verified(stale, {}, quote)
    equal(found.status, 'OutOfDate')
    equal(found.qe.status, 'OutOfDate')
    deepEqual(found.advisories, ['ALCOVE-SIM-SA-00005'])
    equal(found.tcbEvaluationDataNumber, 2)
  }
  const updated = platformWith(recovered, provisioned(state, recovered))
  equal(verified(updated).status, 'UpToDate')
  equal(verified(updated, {}, oldQuote).status, 'OutOfDate')
  deepEqual(verified(updated).tcbDate, at)
  notEqual(updated.quoting.pubKeyId.toHex(), stale.quoting.pubKeyId.toHex())
  const { tee, body } = parseQuote(quoteOf(updated))
  ok(tee === 'SGX')
  match(body.cpuSvn.toHex(), /^070701/)
})

test('after any number of recoveries every status can still be had, at each age of the platform', () => {
  let publication: Publication = { recoveries: [] }
  const ages = [newPlatformState('node', publication)]
  for (let round = 0; round < 3; round++) {
    publication = recover(publication, new Date(at.getTime() + round * day))
    ages.push(newPlatformState('node', publication))
  }
  for (const tcb of platformStatuses) {
    const found = verified(platformAt({ tcb, publication }))
    equal(found.platform.status, tcb)
    count('statuses after recoveries')
  }
  deepEqual(
    ages.map(state => statusUnder(state, publication)),
    ['OutOfDate', 'OutOfDate', 'OutOfDate', 'UpToDate'],
  )
})

test('what was sealed before an update is opened after it, and what is sealed after it not before', () => {
  const publication = recover({ recoveries: [] }, at)
  const old = newPlatformState('node', { recoveries: [] })
  const sealKey = (state: typeof old, cpuSvn: Uint8Array) => {
    const platform = createPlatform({
      seed: new Uint8Array(32).fill(7),
      now: () => at,
      random: length => new Uint8Array(length),
      epcBytes: 2 ** 20,
      state,
    })
    const enclave = platform.createEnclave({ sizeBytes: 8192, ssaFrameSize: 1, debug: false })
    enclave.init({ mrSigner: new Uint8Array(32), isvProdId: 0, isvSvn: 0 })
    const mask = { flags: 0n, xfrm: 0n }
    const rest = { isvSvn: 0, attributeMask: mask, miscMask: 0, configSvn: 0 }
    const keyId = new Uint8Array(32)
    return enclave.getKey({ keyName: 4, keyPolicy: 1, cpuSvn, keyId, ...rest }).toHex()
  }
  const updated = provisioned(old, publication)
  equal(sealKey(updated, old.cpuSvn), sealKey(old, old.cpuSvn))
  notEqual(sealKey(updated, updated.cpuSvn), sealKey(old, old.cpuSvn))
  throws(() => sealKey(old, updated.cpuSvn), { code: 'ERR_SIMULATOR_KEY_CPUSVN' })
})

test('what ran is counted', t => {
  for (const [what, times] of Object.entries(ran))
    t.diagnostic(`simulated platform: ${times} ${what}`)
  equal(ran['statuses (CA × platform × QE)'], 42)
})
