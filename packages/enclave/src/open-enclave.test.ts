import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseQuote } from '@alcove/sgx'
import {
  makeCharacterDevice,
  noCharacterDevices,
} from '../../simulator/testing/character-device.ts'
import { gramineFiles } from '../testing/gramine-files.ts'
import {
  programFolder,
  simulatedMachine,
  temporaryDirectory,
} from '../testing/simulated-machine.ts'
import { openEnclave } from './index.ts'

test('on a simulated node the program’s folder becomes an enclave, and a quote carries the caller’s data', async t => {
  const machine = await simulatedMachine(t)
  const enclave = await machine.open(await programFolder(t, { isvProdId: 4, isvSvn: 5 }))
  equal(enclave.platform, 'simulator')
  const { tee, body } = parseQuote(await enclave.quote(Uint8Array.of(9)))
  ok(tee === 'SGX')
  const { reportData, ...identity } = body
  deepEqual(identity, enclave.identity)
  deepEqual([body.isvProdId, body.isvSvn, reportData[0], reportData[1]], [4, 5, 9, 0])
})

test('Gramine’s enclave is preferred where its files are there', async t => {
  const machine = await simulatedMachine(t)
  const directory = await programFolder(t)
  const attestation = await gramineFiles()
  equal((await openEnclave({ directory, root: machine.root, attestation })).platform, 'gramine')
})

test('without a device, without a platform and without EPC the program is told what to ask for', async t => {
  const root = await temporaryDirectory(t)
  const directory = await programFolder(t)
  await rejects(openEnclave({ directory, root }), { code: 'ERR_ENCLAVE_NO_DEVICE' })
  await mkdir(join(root, 'dev/sgx'), { recursive: true })
  await writeFile(join(root, 'dev/sgx/enclave'), 'token')
  await rejects(openEnclave({ directory, root }), {
    code: 'ERR_ENCLAVE_NO_PLATFORM',
    message: /\/dev\/attestation.*gramine-sgx/,
  })
  const small = await simulatedMachine(t, { epcBytes: 4096 })
  await rejects(openEnclave({ directory, root: small.root }), { code: 'ERR_ENCLAVE_OUT_OF_EPC' })
})

test('in a pod the device is opened, and the token is beside the platform’s socket', {
  skip: noCharacterDevices,
}, async t => {
  const machine = await simulatedMachine(t, { device: 'character' })
  const directory = await programFolder(t)
  const enclave = await machine.open(directory)
  const { tee, body } = parseQuote(await enclave.quote(Uint8Array.of(3)))
  ok(tee === 'SGX')
  deepEqual(body.mrEnclave, enclave.mrEnclave)
})

test('a device that is there and does not open is told from one that is not there', {
  skip: noCharacterDevices,
}, async t => {
  const root = await temporaryDirectory(t)
  await mkdir(join(root, 'dev'), { recursive: true })
  makeCharacterDevice(join(root, 'dev/sgx_enclave'), [4095, 1])
  await rejects(openEnclave({ directory: await programFolder(t), root }), {
    code: 'ERR_ENCLAVE_DEVICE_REFUSED',
    message: /\/dev\/sgx_enclave.*ENXIO/,
  })
})

test('an enclave that is closed gives its EPC back', async t => {
  const machine = await simulatedMachine(t)
  const free = () => machine.platform.epc().node.freeBytes
  const before = free()
  const enclave = await openEnclave({ directory: await programFolder(t), root: machine.root })
  equal(free() < before, true)
  await enclave[Symbol.asyncDispose]()
  for (let tries = 0; free() < before && tries < 200; tries++) await new Promise(setImmediate)
  equal(free(), before)
})

test('a node without a quote helper still reports and seals', async t => {
  const machine = await simulatedMachine(t)
  const enclave = await machine.open(await programFolder(t))
  await rm(machine.aesmSocket)
  await rejects(enclave.quote(new Uint8Array()), { code: 'ERR_AESM_UNREACHABLE' })
  const blob = await enclave.seal(Uint8Array.of(1), { policy: 'mrenclave' })
  deepEqual((await enclave.unseal(blob)).plaintext, Uint8Array.of(1))
})
