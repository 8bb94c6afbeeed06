import { deepEqual, equal } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeCharacterDevice, noCharacterDevices } from '../../testing/character-device.ts'
import { openDeviceNode } from './index.ts'

async function container(t: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'alcove-device-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  await mkdir(join(root, 'dev/sgx'), { recursive: true })
  return root
}

test('what was not allocated is not there, and a plain file is an embedded node’s token', async t => {
  const root = await container(t)
  deepEqual(await openDeviceNode(root, 'enclave'), { found: 'nothing' })
  await writeFile(join(root, 'dev/sgx_provision'), 'secret')
  deepEqual(await openDeviceNode(root, 'enclave'), { found: 'nothing' })
  deepEqual(await openDeviceNode(root, 'provision'), {
    found: 'token',
    path: '/dev/sgx_provision',
    token: 'secret',
  })
})

test('a character device is opened read-write under either generation’s path', {
  skip: noCharacterDevices,
}, async t => {
  for (const path of ['/dev/sgx_enclave', '/dev/sgx/enclave']) {
    const root = await container(t)
    makeCharacterDevice(join(root, path))
    deepEqual(await openDeviceNode(root, 'enclave'), { found: 'device', path })
  }
})

test('a device without a driver is refused, and the other path is tried', {
  skip: noCharacterDevices,
}, async t => {
  const root = await container(t)
  makeCharacterDevice(join(root, 'dev/sgx_enclave'), [4095, 1])
  deepEqual(await openDeviceNode(root, 'enclave'), {
    found: 'refused',
    path: '/dev/sgx_enclave',
    errno: 'ENXIO',
  })
  makeCharacterDevice(join(root, 'dev/sgx/enclave'))
  const { found } = await openDeviceNode(root, 'enclave')
  equal(found, 'device')
})

test('a device of another group is refused with EACCES', { skip: noCharacterDevices }, async t => {
  const root = await container(t)
  await chmod(root, 0o755)
  makeCharacterDevice(join(root, 'dev/sgx_enclave'), undefined, '0660')
  const source = `import { openDeviceNode } from '${import.meta.dirname}/device-node.ts'
    process.setgroups([]); process.setegid(65532); process.seteuid(65532)
    console.log(JSON.stringify(await openDeviceNode('${root}', 'enclave')))`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    encoding: 'utf8',
  })
  deepEqual(JSON.parse(stdout), { found: 'refused', path: '/dev/sgx_enclave', errno: 'EACCES' })
})
