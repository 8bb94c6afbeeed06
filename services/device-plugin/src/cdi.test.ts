import { deepEqual, equal, match } from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { jsonLog } from '@alcove/process'
import { keepCdiFile } from './cdi-file.ts'
import { CdiGroups, type CdiGroupsDeps } from './cdi-groups.ts'
import { CDI_FILE, encodeCdiSpec, parseCdiSpec } from './cdi-spec.ts'
import { deviceGroup } from './device-group.ts'
import type { Offer } from './node-offer.ts'
import { addsGroups } from './runtime-groups.ts'

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-cdi-'))
  t.after(() => rm(directory, { recursive: true }))
  return directory
}

const groups: readonly (readonly [what: string, gid: number, mode: number, group?: number])[] = [
  ['open to all', 984, 0o666],
  ['reserved for a group', 984, 0o660, 984],
  ['readable by all, writable by a group', 984, 0o664, 984],
  ['reserved for root’s group', 0, 0o660],
  ['readable by its group only', 984, 0o640],
  ['reserved for its owner', 984, 0o600],
]

for (const [what, gid, mode, group] of groups) {
  test(`a device that is ${what}: ${group === undefined ? 'no group helps' : `group ${group}`}`, () =>
    equal(deviceGroup({ gid, mode }), group))
}

// CDI specification 0.7.0: cdiVersion, kind and devices are required; a device has a name and edits that are not empty;
// additionalGids is a list of numbers.
test('the spec says one thing of each device: the group', () => {
  deepEqual(JSON.parse(encodeCdiSpec({ enclave: 984, provision: 985 })), {
    cdiVersion: '0.7.0',
    kind: 'alcove.dev/sgx',
    devices: [
      { name: 'enclave', containerEdits: { additionalGids: [984] } },
      { name: 'provision', containerEdits: { additionalGids: [985] } },
    ],
  })
  deepEqual(JSON.parse(encodeCdiSpec({ provision: 985 })).devices.length, 1)
})

test('what is read is what was written, and anything else is nothing', () => {
  const bytes = (text: string) => new TextEncoder().encode(text)
  for (const some of [{ enclave: 1 }, { enclave: 984, provision: 985 }, {}]) {
    deepEqual(parseCdiSpec(bytes(encodeCdiSpec(some))), some)
  }
  const text = encodeCdiSpec({ enclave: 984 })
  for (const other of ['', '[]', text.replace('0.7.0', '0.6.0'), text.replace('984', '0')]) {
    equal(parseCdiSpec(bytes(other)), undefined)
  }
})

test('the file follows the group, is readable by all, and never forgets a device that it named', async t => {
  const directory = join(await temporary(t), 'below/cdi')
  const read = async () => parseCdiSpec(await readFile(join(directory, CDI_FILE)))
  equal(await keepCdiFile(directory, { enclave: 984, provision: 985 }), true)
  equal(await keepCdiFile(directory, { enclave: 984, provision: 985 }), false)
  deepEqual(await readdir(directory), [CDI_FILE])
  equal((await stat(join(directory, CDI_FILE))).mode & 0o777, 0o644)
  equal(await keepCdiFile(directory, { enclave: 1000 }), true)
  deepEqual(await read(), { enclave: 1000, provision: 985 })
  await rm(join(directory, CDI_FILE))
  equal(await keepCdiFile(directory, { enclave: 1000 }), true)
  await writeFile(join(directory, CDI_FILE), '{"torn')
  equal(await keepCdiFile(directory, { enclave: 1000 }), true)
  deepEqual(await read(), { enclave: 1000 })
})

const runtimes: readonly (readonly [runtime: string, kubelet: string, adds: boolean])[] = [
  ['containerd://2.4.2', 'v1.37.2', true],
  ['containerd://2.0.0-rc.1', 'v1.31.0', true],
  ['containerd://1.7.29', 'v1.37.2', false],
  ['containerd://2.4.2', 'v1.30.9', false],
  ['cri-o://1.31.0', 'v1.31.0', true],
  ['cri-o://1.30.4', 'v1.31.0', false],
  ['docker://27.1.0', 'v1.37.2', false],
  ['containerd://', 'v1.37.2', false],
  ['', '', false],
]

for (const [containerRuntimeVersion, kubeletVersion, adds] of runtimes) {
  test(`'${containerRuntimeVersion}' with kubelet '${kubeletVersion}' ${adds ? 'adds' : 'is not known to add'} groups`, () =>
    equal(addsGroups({ containerRuntimeVersion, kubeletVersion }), adds))
}

const reserved: Offer = {
  epc: { bytes: 2 ** 20, source: 'sysfs', nodes: [] },
  enclaveDevice: device('enclave', 984, 0o660),
  provisionDevice: device('provision', 985, 0o660),
}

function device(role: 'enclave' | 'provision', gid: number, mode: number): Offer['enclaveDevice'] {
  return { role, path: `/dev/sgx_${role}`, driver: 'in-kernel', gid, mode }
}

const modern = { containerRuntimeVersion: 'containerd://2.4.2', kubeletVersion: 'v1.37.2' }

async function cdi(
  t: TestContext,
  mode: 'auto' | 'on' | 'off',
  deps: Partial<CdiGroupsDeps> = {},
): Promise<{ parts: CdiGroups; directory: string; asked: () => number; lines: string[] }> {
  const directory = deps.settings?.directory ?? (await temporary(t))
  const lines: string[] = []
  let asked = 0
  const parts = new CdiGroups({
    waitMs: 20,
    log: jsonLog('x', { write: line => void lines.push(line) }),
    ...deps,
    settings: { mode, directory },
    askRuntime: () => {
      asked++
      return deps.askRuntime?.() ?? Promise.resolve(modern)
    },
  })
  return { parts, directory, asked: () => asked, lines }
}

test('a device that is reserved for a group comes with its CDI device, where the runtime can', async t => {
  const { parts, asked } = await cdi(t, 'auto')
  await parts.follow(reserved)
  await parts.follow(reserved)
  deepEqual(await parts.namesFor('enclave', reserved.enclaveDevice), ['alcove.dev/sgx=enclave'])
  deepEqual(await parts.namesFor('provision', reserved.provisionDevice), [
    'alcove.dev/sgx=provision',
  ])
  equal(asked(), 1)
})

test('where devices are open to all, nobody is asked and nothing is written', async t => {
  const { parts, directory, asked } = await cdi(t, 'auto')
  const enclaveDevice = device('enclave', 984, 0o666)
  const provisionDevice = device('provision', 0, 0o600)
  await parts.follow({ ...reserved, enclaveDevice, provisionDevice })
  deepEqual(await parts.namesFor('enclave', enclaveDevice), [])
  deepEqual([asked(), await readdir(directory)], [0, []])
})

test('switched on, nobody is asked; switched off, nothing is written', async t => {
  const on = await cdi(t, 'on')
  await on.parts.follow(reserved)
  deepEqual(await on.parts.namesFor('enclave', reserved.enclaveDevice), ['alcove.dev/sgx=enclave'])
  equal(on.asked(), 0)
  const off = await cdi(t, 'off')
  await off.parts.follow(reserved)
  deepEqual(await off.parts.namesFor('enclave', reserved.enclaveDevice), [])
  deepEqual(await readdir(off.directory), [])
})

for (const [what, askRuntime, says] of [
  ['answers too late', () => Promise.withResolvers<undefined>().promise, /has not said yet/],
  ['cannot be asked', () => Promise.resolve(undefined), /nobody to ask/],
  [
    'says that the runtime cannot',
    () => Promise.resolve({ ...modern, containerRuntimeVersion: 'containerd://1.7.29' }),
    /containerd:\/\/1\.7\.29/,
  ],
] as const) {
  test(`where the API server ${what}, no CDI device is named, and the log says so once, with the remedy`, async t => {
    const { parts, lines } = await cdi(t, 'auto', { askRuntime })
    await parts.follow(reserved)
    for (let again = 0; again < 3; again++) {
      deepEqual(await parts.namesFor('enclave', reserved.enclaveDevice), [])
    }
    const told = lines.filter(line => line.includes('no groups for containers'))
    equal(told.length, 1)
    match(told[0] ?? '', says)
    match(told[0] ?? '', /DEVICE_PLUGIN_CDI=on/)
  })
}

test('a CDI device whose spec could not be written is not named: a container would not start', async t => {
  const file = join(await temporary(t), 'file')
  await writeFile(file, '')
  const { parts, lines } = await cdi(t, 'on', { settings: { mode: 'on', directory: file } })
  await parts.follow(reserved)
  await parts.follow(reserved)
  deepEqual(await parts.namesFor('enclave', reserved.enclaveDevice), [])
  equal(lines.length, 1)
  match(lines[0] ?? '', /supplementalGroups.*cdi spec not written/)
})

test('a spec that was removed is there again after the next look', async t => {
  const { parts, directory } = await cdi(t, 'on')
  await parts.follow(reserved)
  await rm(join(directory, CDI_FILE))
  await parts.follow(reserved)
  deepEqual(parseCdiSpec(await readFile(join(directory, CDI_FILE))), {
    enclave: 984,
    provision: 985,
  })
})
