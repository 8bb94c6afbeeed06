import { deepEqual, equal, match, notEqual, ok, throws } from 'node:assert/strict'
import { verify, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import {
  type CollateralFile,
  cpuSvnFor,
  createPcs,
  type PckPlatform,
  parseStoredAuthorities,
} from './index.ts'

const seed = new Uint8Array(32).fill(7)
const now = new Date('2026-03-01T12:00:00.500Z')
const qeIdentity = {
  mrSigner: new Uint8Array(32).fill(0xaa),
  isvProdId: 1,
  isvSvn: 8,
  attributes: { flags: 0x15n, xfrm: 0xe7n },
  miscSelect: 0,
}
const platform = (changes: Partial<PckPlatform> = {}): PckPlatform => ({
  ppid: new Uint8Array(16).fill(1),
  ...cpuSvnFor('UpToDate'),
  pceId: Uint8Array.of(0, 0),
  fmspc: Uint8Array.fromHex('a1c0ff000001'),
  ca: 'platform',
  ...changes,
})

function certificates(pem: string): X509Certificate[] {
  const found = pem.match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----/g) ?? []
  return found.map(text => new X509Certificate(text))
}

for (const ca of ['processor', 'platform'] as const) {
  test(`a PCK chain of the ${ca} CA is leaf, intermediate, root, each signed by the next`, () => {
    const pcs = createPcs({ seed, now })
    const { privateKey, chainPem } = pcs.certifyPlatform(platform({ ca }))
    const [leaf, intermediate, root, ...more] = certificates(chainPem)
    ok(leaf && intermediate && root)
    equal(more.length, 0)
    equal(leaf.verify(intermediate.publicKey), true)
    equal(intermediate.verify(root.publicKey), true)
    equal(root.verify(root.publicKey), true)
    equal(leaf.checkIssued(intermediate), true)
    equal(intermediate.checkIssued(root), true)
    deepEqual([leaf.ca, intermediate.ca, root.ca], [false, true, true])
    equal(leaf.checkPrivateKey(privateKey), true)
    deepEqual(Uint8Array.from(root.raw), pcs.rootCertificate)
    equal(leaf.validFrom, 'Mar  1 12:00:00 2026 GMT')
    equal(leaf.validTo, 'Mar  1 12:00:00 2033 GMT')
  })
}

test("names hold Intel's words, and every one says that it is simulated", () => {
  const pcs = createPcs({ seed, now })
  const chain = (ca: PckPlatform['ca']) =>
    certificates(pcs.certifyPlatform(platform({ ca })).chainPem)
  const signing = certificates(collateralOf(pcs).tcb_info_issuer_chain)
  const names = [...chain('processor'), ...chain('platform'), ...signing].map(c => c.subject)
  deepEqual(
    new Set(names),
    new Set(
      [
        'SGX PCK Certificate',
        'SGX PCK Processor CA',
        'SGX PCK Platform CA',
        'SGX TCB Signing',
        'SGX Root CA',
      ].map(name => `CN=Alcove Simulated ${name}\nO=Alcove simulator\\, not Intel`),
    ),
  )
})

test('the SGX extension has five elements from the processor CA and seven from the platform CA', () => {
  const pcs = createPcs({ seed, now })
  const components = Uint8Array.from({ length: 16 }, (_, index) => 240 + index)
  const leafOf = (ca: PckPlatform['ca']) => {
    const { chainPem } = pcs.certifyPlatform(platform({ ca, cpuSvn: components, pceSvn: 300 }))
    return certificates(chainPem)[0]?.raw.toString('hex') ?? ''
  }
  const oid = '2a864886f84d010d01'
  const [small, large] = [leafOf('processor'), leafOf('platform')]
  for (const leaf of [small, large]) {
    ok(leaf.includes(`301e060a${oid}010410${'01'.repeat(16)}`), 'PPID')
    ok(leaf.includes(`3011060b${oid}0201020200f0`), 'first component')
    ok(leaf.includes(`3011060b${oid}0210020200ff`), 'last component')
    ok(leaf.includes(`3011060b${oid}02110202012c`), 'PCESVN')
    ok(leaf.includes(`301f060b${oid}02120410${components.toHex()}`), 'CPUSVN')
    ok(leaf.includes(`3010060a${oid}0304020000`), 'PCE-ID')
    ok(leaf.includes(`3014060a${oid}040406a1c0ff000001`), 'FMSPC')
  }
  ok(small.includes(`300f060a${oid}050a0100`), 'SGX type standard')
  ok(large.includes(`300f060a${oid}050a0101`), 'SGX type scalable')
  equal(small.includes(`060a${oid}06`), false)
  equal(small.includes(`060a${oid}07`), false)
  ok(large.includes(`301e060a${oid}060410`), 'platform instance id')
  ok(large.includes(`3010060b${oid}0703010100`), 'SMT enabled')
})

test('a seed makes the same keys and serial numbers again, and another seed makes others', () => {
  const of = (from: Uint8Array) => {
    const pcs = createPcs({ seed: from, now })
    const { privateKey, chainPem } = pcs.certifyPlatform(platform())
    const all = [
      ...certificates(chainPem),
      ...certificates(collateralOf(pcs).tcb_info_issuer_chain),
    ]
    return {
      d: privateKey.export({ format: 'jwk' }).d,
      keys: all.map(certificate => certificate.publicKey.export({ format: 'jwk' }).x),
      serials: all.map(certificate => certificate.serialNumber),
    }
  }
  deepEqual(of(seed), of(seed))
  const [one, other] = [of(seed), of(new Uint8Array(32).fill(8))]
  notEqual(one.d, other.d)
  equal(one.keys.filter(key => other.keys.includes(key)).length, 0)
  equal(one.serials.filter(serial => other.serials.includes(serial)).length, 0)
  for (const serial of one.serials) match(serial, /^[4-7][0-9A-F]{39}$/)
})

test('a platform has a key of its own at each TCB, PPID, FMSPC and CA', () => {
  const pcs = createPcs({ seed, now })
  const keys = [
    platform(),
    platform(cpuSvnFor('OutOfDate')),
    platform({ pceSvn: 12 }),
    platform({ ppid: new Uint8Array(16) }),
    platform({ fmspc: new Uint8Array(6) }),
    platform({ pceId: Uint8Array.of(1, 0) }),
    platform({ ca: 'processor' }),
  ].map(one => pcs.certifyPlatform(one).privateKey.export({ format: 'jwk' }).d)
  equal(new Set(keys).size, keys.length)
})

test('the public key of the root follows from the seed alone', () => {
  const root = (at: Date) => new X509Certificate(createPcs({ seed, now: at }).rootPem).publicKey
  equal(root(now).equals(root(new Date('2051-01-01T00:00:00Z'))), true)
})

test('stored authorities keep the root certificate byte for byte over a restart, at a later time', () => {
  const first = createPcs({ seed, now })
  const stored = parseStoredAuthorities(JSON.stringify(first.stored()))
  const second = createPcs({ seed, now: new Date('2026-06-01T00:00:00Z'), stored })
  deepEqual(second.rootCertificate, first.rootCertificate)
  deepEqual(second.stored(), first.stored())
  equal(second.rootPem, first.rootPem)
})

test('stored authorities of another seed, or that are no certificates, are refused by name', () => {
  const stored = createPcs({ seed, now }).stored()
  const other = createPcs({ seed: new Uint8Array(32), now }).stored()
  for (const [authority, changed] of [
    ['root', other],
    ['platform', { ...stored, platform: other.platform }],
    ['tcbSigning', { ...stored, tcbSigning: 'no certificate' }],
    ['processor', { ...stored, processor: stored.platform }],
  ] as const) {
    throws(() => createPcs({ seed, now, stored: changed }), {
      code: 'ERR_SIMULATOR_AUTHORITIES',
      authority,
    })
  }
})

test('stored authorities that are malformed as a whole, or lack or add one, are refused', () => {
  const stored = createPcs({ seed, now }).stored()
  for (const [authority, text] of [
    ['all', '{'],
    ['all', '[]'],
    ['all', JSON.stringify({ ...stored, extra: '' })],
    ['platform', JSON.stringify({ ...stored, platform: undefined })],
    ['root', JSON.stringify({ ...stored, root: 'x'.repeat(4097) })],
  ] as const) {
    throws(() => parseStoredAuthorities(text), { code: 'ERR_SIMULATOR_AUTHORITIES', authority })
  }
})

test('fields of a wrong length are refused', () => {
  const pcs = createPcs({ seed, now })
  const code = 'ERR_FORMAT_VALUE'
  throws(() => createPcs({ seed: new Uint8Array(16), now }), { code, field: 'pcs.seed' })
  throws(() => pcs.certifyPlatform(platform({ ppid: new Uint8Array(15) })), { code })
  throws(() => pcs.certifyPlatform(platform({ pceSvn: 65536 })), { code })
  throws(() => collateralOf(pcs, { fmspc: new Uint8Array(5) }), {
    code,
    field: 'collateral.fmspc',
  })
})

test('TCB info and QE identity are signed by the TCB signing key over their exact bytes', () => {
  const collateral = collateralOf(createPcs({ seed, now }))
  for (const [text, key, chain] of [
    [collateral.tcb_info, 'tcbInfo', collateral.tcb_info_issuer_chain],
    [collateral.qe_identity, 'enclaveIdentity', collateral.qe_identity_issuer_chain],
  ] as const) {
    const [signing, root] = certificates(chain)
    ok(signing && root)
    equal(signing.verify(root.publicKey), true)
    const parts = new RegExp(`^{"${key}":(.+),"signature":"([0-9a-f]{128})"}$`).exec(text)
    const [, body = '', signature = ''] = parts ?? []
    const options = { key: signing.publicKey, dsaEncoding: 'ieee-p1363' } as const
    equal(verify('sha256', Buffer.from(body), options, Uint8Array.fromHex(signature)), true)
  }
})

test('collateral is for 30 days from its second, under the platform that was asked for', () => {
  const collateral = collateralOf(createPcs({ seed, now }))
  const { tcbInfo } = JSON.parse(collateral.tcb_info)
  deepEqual(
    {
      id: tcbInfo.id,
      version: tcbInfo.version,
      fmspc: tcbInfo.fmspc,
      pceId: tcbInfo.pceId,
      issueDate: tcbInfo.issueDate,
      nextUpdate: tcbInfo.nextUpdate,
    },
    {
      id: 'SGX',
      version: 3,
      fmspc: 'a1c0ff000001',
      pceId: '0000',
      issueDate: '2026-03-01T12:00:00Z',
      nextUpdate: '2026-03-31T12:00:00Z',
    },
  )
})

test('the QE identity is the QE that was asked for, with nothing outside its masks', () => {
  const { enclaveIdentity } = JSON.parse(collateralOf(createPcs({ seed, now })).qe_identity)
  equal(enclaveIdentity.id, 'QE')
  equal(enclaveIdentity.mrsigner, 'aa'.repeat(32))
  equal(enclaveIdentity.attributes, '11000000000000000000000000000000')
  equal(enclaveIdentity.attributesMask, 'fbffffffffffffff0000000000000000')
  deepEqual(
    enclaveIdentity.tcbLevels.map((level: { tcb: { isvsvn: number }; tcbStatus: string }) => [
      level.tcb.isvsvn,
      level.tcbStatus,
    ]),
    [
      [8, 'UpToDate'],
      [7, 'OutOfDate'],
      [0, 'Revoked'],
    ],
  )
})

test('every TCB level of a platform is reached by exactly the SVNs that are answered for its status', () => {
  const { tcbInfo } = JSON.parse(collateralOf(createPcs({ seed, now })).tcb_info)
  interface Level {
    tcb: { sgxtcbcomponents: { svn: number }[]; pcesvn: number }
    tcbStatus: Parameters<typeof cpuSvnFor>[0]
  }
  const levels: Level[] = tcbInfo.tcbLevels
  equal(new Set(levels.map(level => level.tcbStatus)).size, 7)
  for (const { tcbStatus } of levels) {
    const { cpuSvn, pceSvn } = cpuSvnFor(tcbStatus)
    const reached = levels.find(
      ({ tcb }) =>
        pceSvn >= tcb.pcesvn &&
        tcb.sgxtcbcomponents.every(({ svn }, index) => (cpuSvn[index] ?? -1) >= svn),
    )
    equal(reached?.tcbStatus, tcbStatus)
  }
})

function collateralOf(
  pcs: ReturnType<typeof createPcs>,
  changes: { fmspc?: Uint8Array } = {},
): CollateralFile {
  const { fmspc, pceId } = platform()
  return pcs.collateral({ fmspc, pceId, ca: 'platform', at: now, qeIdentity, ...changes })
}
