import { deepEqual, equal, notDeepEqual, rejects } from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { gramineFiles } from '../testing/gramine-files.ts'
import {
  type ProgramOptions,
  programFolder,
  simulatedMachine,
} from '../testing/simulated-machine.ts'
import { type Enclave, openEnclave } from './index.ts'

const secret = new TextEncoder().encode('the secret')
const note = new TextEncoder().encode('what it is')

/** Enclaves on one simulated machine. */
async function enclaves<const Programs extends readonly ProgramOptions[]>(
  t: TestContext,
  ...programs: Programs
): Promise<{ [Index in keyof Programs]: Enclave }> {
  const machine = await simulatedMachine(t)
  const open = async (program: ProgramOptions) => machine.open(await programFolder(t, program))
  return (await Promise.all(programs.map(open))) as { [Index in keyof Programs]: Enclave }
}

for (const policy of ['mrenclave', 'mrsigner'] as const) {
  test(`under policy ${policy} any plaintext comes back, with what stands beside it`, async t => {
    const [enclave] = await enclaves(t, {})
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), fc.uint8Array(), async (plaintext, additionalData) => {
        const blob = await enclave.seal(plaintext, { policy, additionalData })
        deepEqual(await enclave.unseal(blob), { plaintext, additionalData, policy, isvSvn: 1 })
      }),
      { numRuns: 30 },
    )
  })

  test(`under policy ${policy} one flipped bit anywhere is refused, and so is a blob cut short`, async t => {
    const [enclave] = await enclaves(t, {})
    const blob = await enclave.seal(secret, { policy, additionalData: note })
    for (let bit = 0; bit < blob.byteLength * 8; bit++) {
      const flipped = blob.slice()
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      await rejects(enclave.unseal(flipped), { code: /^ERR_(FORMAT|ENCLAVE)_/ }, `bit ${bit}`)
    }
    for (let length = 0; length < blob.byteLength; length++) {
      await rejects(enclave.unseal(blob.subarray(0, length)), { code: 'ERR_FORMAT_TRUNCATED' })
    }
    deepEqual((await enclave.unseal(blob)).plaintext, secret)
  })
}

test('the same plaintext is sealed to other bytes each time, under a key of its own', async t => {
  const [enclave] = await enclaves(t, {})
  const blobs = await Promise.all([1, 2].map(() => enclave.seal(secret, { policy: 'mrenclave' })))
  const keyIds = blobs.map(blob => blob.subarray(0x38, 0x58))
  notDeepEqual(keyIds[0], keyIds[1])
  const ciphertexts = blobs.map(blob => blob.subarray(0x88))
  notDeepEqual(ciphertexts[0], ciphertexts[1])
})

test('a changed program reads what its signer’s earlier one sealed under mrsigner, not under mrenclave', async t => {
  const [first, changed] = await enclaves(t, {}, { source: '// changed' })
  const shared = await first.seal(secret, { policy: 'mrsigner' })
  deepEqual((await changed.unseal(shared)).plaintext, secret)
  await rejects(changed.unseal(await first.seal(secret, { policy: 'mrenclave' })), {
    code: 'ERR_ENCLAVE_SEALED_ELSEWHERE',
    message: new RegExp(
      `by ${first.mrEnclave.toHex()}, and this enclave's is ${changed.mrEnclave.toHex()}`,
    ),
  })
})

test('another signer’s enclave and another product of the signer are refused', async t => {
  const [own, other, product] = await enclaves(t, {}, { signer: 'other' }, { isvProdId: 2 })
  const blob = await own.seal(secret, { policy: 'mrsigner' })
  await rejects(other.unseal(blob), {
    code: 'ERR_ENCLAVE_SEALED_ELSEWHERE',
    message: /with a program of that signer/,
  })
  await rejects(product.unseal(blob), {
    code: 'ERR_ENCLAVE_SEALED_ELSEWHERE',
    message: /ISVPRODID 1, and this enclave has 2/,
  })
})

test('a blob that claims this enclave as its sealer is refused all the same', async t => {
  const [own, other] = await enclaves(t, {}, { signer: 'other' })
  const blob = await own.seal(secret, { policy: 'mrsigner' })
  blob.set(other.mrSigner, 0x60)
  await rejects(other.unseal(blob), { code: 'ERR_ENCLAVE_UNSEAL' })
})

test('a newer ISVSVN reads what an older one sealed, never the reverse', async t => {
  const [old, current] = await enclaves(t, { isvSvn: 1 }, { isvSvn: 2 })
  const { plaintext, isvSvn } = await current.unseal(await old.seal(secret, { policy: 'mrsigner' }))
  deepEqual(plaintext, secret)
  equal(isvSvn, 1)
  const newer = await current.seal(secret, { policy: 'mrsigner' })
  await rejects(old.unseal(newer), {
    code: 'ERR_ENCLAVE_SEALED_BY_NEWER',
    message: /ISVSVN 2, and this enclave has 1/,
  })
  newer[0x16] = 1
  await rejects(old.unseal(newer), { code: 'ERR_ENCLAVE_UNSEAL' })
})

test('an enclave with KSS shares nothing with another CONFIGID, family or product, nor with a newer CONFIGSVN', async t => {
  const kss = {
    configId: '01'.repeat(64),
    configSvn: 1,
    familyId: '02'.repeat(16),
    extProdId: '03'.repeat(16),
  }
  const [own, ...others] = await enclaves(
    t,
    { kss },
    { kss: { ...kss, configId: '11'.repeat(64) } },
    { kss: { ...kss, familyId: '12'.repeat(16) } },
    { kss: { ...kss, extProdId: '13'.repeat(16) } },
  )
  const [newer, without] = await enclaves(t, { kss: { ...kss, configSvn: 2 } }, {})
  for (const policy of ['mrenclave', 'mrsigner'] as const) {
    const blob = await own.seal(secret, { policy })
    deepEqual((await newer.unseal(blob)).plaintext, secret)
    for (const other of others) await rejects(other.unseal(blob), { code: 'ERR_ENCLAVE_UNSEAL' })
    const elsewhere = { code: 'ERR_ENCLAVE_SEALED_ELSEWHERE', message: /of KSS/ }
    await rejects(without.unseal(blob), elsewhere)
    await rejects(own.unseal(await without.seal(secret, { policy })), elsewhere)
    await rejects(own.unseal(await newer.seal(secret, { policy })), {
      code: 'ERR_ENCLAVE_SEALED_BY_NEWER',
      message: /CONFIGSVN 2, and this enclave has 1/,
    })
  }
})

test('a blob of Gramine’s keys and one of EGETKEY’s are each refused where the other are', async t => {
  const [simulated] = await enclaves(t, {})
  const keys = { _sgx_mrsigner: new Uint8Array(16) }
  const attestation = await gramineFiles({ keys, body: simulated.identity })
  const gramine = await openEnclave({ directory: '/nowhere', attestation })
  const refused = (message: RegExp) => ({ code: 'ERR_ENCLAVE_SEALED_ELSEWHERE', message })
  const options = { policy: 'mrsigner' } as const
  await rejects(gramine.unseal(await simulated.seal(secret, options)), refused(/EGETKEY's own/))
  await rejects(simulated.unseal(await gramine.seal(secret, options)), refused(/Gramine's/))
})

test('a recovered TCB reads what was sealed before it, never the reverse', async t => {
  const folder = await programFolder(t)
  const before = await (await simulatedMachine(t, { tcb: 'OutOfDate' })).open(folder)
  const after = await (await simulatedMachine(t, { tcb: 'UpToDate' })).open(folder)
  notDeepEqual(before.identity.cpuSvn, after.identity.cpuSvn)
  const blob = await before.seal(secret, { policy: 'mrenclave' })
  deepEqual((await after.unseal(blob)).plaintext, secret)
  await rejects(before.unseal(await after.seal(secret, { policy: 'mrenclave' })), {
    code: 'ERR_ENCLAVE_SEALED_BY_NEWER',
    message: /CPUSVN [0-9a-f]{32}, and this machine has/,
  })
})

test('another machine does not open the blob, and a debug build of the program does not', async t => {
  const folder = await programFolder(t)
  const machine = await simulatedMachine(t)
  const own = await machine.open(folder)
  const blob = await own.seal(secret, { policy: 'mrsigner' })
  const other = await simulatedMachine(t, { seed: new Uint8Array(32).fill(8) })
  await rejects((await other.open(folder)).unseal(blob), { code: 'ERR_ENCLAVE_UNSEAL' })
  const debug = await machine.open(await programFolder(t, { debug: true }))
  await rejects(debug.unseal(blob), { code: 'ERR_ENCLAVE_UNSEAL' })
})

test('bytes that are no blob, or too many to seal, are refused', async t => {
  const [enclave] = await enclaves(t, {})
  await rejects(enclave.unseal(new Uint8Array(200)), { code: 'ERR_FORMAT_VALUE' })
  const additionalData = new Uint8Array(2 ** 16 + 1)
  await rejects(enclave.seal(secret, { policy: 'mrenclave', additionalData }), {
    code: 'ERR_FORMAT_VALUE',
    field: 'sealed.additionalDataBytes',
  })
})
