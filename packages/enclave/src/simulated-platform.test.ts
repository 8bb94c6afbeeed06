import { equal, rejects } from 'node:assert/strict'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { AesmClient } from '@alcove/aesm'
import { KeyName, KeyPolicy } from '@alcove/sgx'
import { noCharacterDevices } from '../../simulator/testing/character-device.ts'
import { programFolder, simulatedMachine } from '../testing/simulated-machine.ts'
import { openSimulatedPlatform } from './simulated-platform.ts'

test('the simulator gives SEAL keys, and what it refuses says which rule and is told from its failures', async t => {
  const machine = await simulatedMachine(t)
  const aesm = new AesmClient({ path: machine.aesmSocket })
  const platform = await openSimulatedPlatform(machine.root, await programFolder(t), aesm)
  const { cpuSvn, isvSvn } = platform.identity
  const request = {
    keyName: KeyName.seal,
    keyPolicy: KeyPolicy.mrSigner,
    isvSvn,
    cpuSvn,
    attributeMask: { flags: 0n, xfrm: 0n },
    keyId: new Uint8Array(32),
    miscMask: 0,
    configSvn: 0,
  }
  equal((await platform.getKey(request)).byteLength, 16)
  for (const refused of [
    { keyName: KeyName.provision },
    { isvSvn: isvSvn + 1 },
    { cpuSvn: new Uint8Array(16).fill(0xff) },
    { keyPolicy: KeyPolicy.configId },
  ]) {
    await rejects(platform.getKey({ ...request, ...refused }), {
      code: 'ERR_ENCLAVE_KEY_REFUSED',
      message: /^EGETKEY: /,
    })
  }
  await platform[Symbol.asyncDispose]()
  await rejects(platform.getKey(request), { code: 'ERR_SIMULATOR_UNREACHABLE' })
})

test('a pod’s program waits for its platform, and gives up on one that does not come', {
  skip: noCharacterDevices,
}, async t => {
  const machine = await simulatedMachine(t, { device: 'character' })
  const aesm = new AesmClient({ path: machine.aesmSocket })
  const directory = await programFolder(t)
  const token = join(machine.root, 'run/alcove-simulator/token')
  await rename(token, `${token}.later`)
  const open = (tries: number) =>
    openSimulatedPlatform(machine.root, directory, aesm, { tries, everyMs: 5 })
  await rejects(open(2), { code: 'ERR_SIMULATOR_UNREACHABLE', message: /no token/ })
  const opening = open(1000)
  await rename(`${token}.later`, token)
  await using platform = await opening
  equal(platform.kind, 'simulator')
  await rm(join(machine.root, 'run'), { recursive: true })
  await rejects(open(2), { code: 'ERR_ENCLAVE_NO_PLATFORM' })
})
