import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { installCommand, installSteps, isOlder, judgeMachine } from './judge-machine.ts'
import { type MachineFacts, neededCommands, trials } from './machine-facts.ts'
import { mayInstall, preflightText } from './preflight.ts'

const fit: MachineFacts = {
  platform: 'linux',
  architecture: 'x64',
  kernel: '6.1.0-21-amd64',
  distributions: ['debian'],
  uid: 0,
  capabilities: 0x1fffeffffffn,
  commands: new Set(neededCommands.keys()),
  goVersion: '1.26.8',
  goOutsidePath: undefined,
  libseccomp: true,
  certificateAuthorities: true,
  prometheus: true,
  cgroups: { version: 2, controllers: ['cpuset', 'cpu', 'memory', 'pids'], writable: true },
  trials: new Map(trials.map(trial => [trial, undefined])),
  freeBytes: 80e9,
  memoryBytes: 16e9,
  built: false,
}
const judge = (change: Partial<MachineFacts>) => judgeMachine({ ...fit, ...change }, '1.26.6')
const needs = (change: Partial<MachineFacts>) => judge(change).map(({ need }) => need)

test('a machine that has everything lacks nothing', () => {
  deepEqual(judge({}), [])
  const controllers = ['cpu', 'cpuset', 'memory', 'pids', 'devices']
  deepEqual(judge({ cgroups: { version: 1, controllers, writable: true } }), [])
})

const faults: readonly [string, Partial<MachineFacts>, string][] = [
  ['macOS', { platform: 'darwin', architecture: 'arm64', uid: 501 }, 'Linux on x64'],
  ['an old kernel', { kernel: '5.4.0-150-generic' }, 'a kernel from 5.13'],
  ['a user', { uid: 1000, capabilities: 0n }, 'root'],
  ['an ordinary container', { capabilities: 0xa80425fbn }, 'capabilities of root'],
  ['no Go', { goVersion: undefined }, 'Go 1.26.6 or later'],
  ["a distribution's Go", { goVersion: '1.19.8' }, 'Go 1.26.6 or later'],
  ['no libseccomp', { libseccomp: false }, 'libseccomp'],
  ['no Prometheus', { prometheus: false }, 'prometheus'],
  ['no authorities', { certificateAuthorities: false }, 'certificate authorities'],
  ['no cgroups', { cgroups: { version: undefined, controllers: [], writable: false } }, 'cgroups'],
  ['read-only cgroups', { cgroups: { ...fit.cgroups, writable: false } }, 'writable cgroups'],
  [
    'a cgroup controller less',
    { cgroups: { ...fit.cgroups, controllers: ['cpu', 'cpuset', 'memory'] } },
    'cgroup controllers',
  ],
  ['no room', { freeBytes: 5e9 }, '10 GB of disk'],
  ['no room once built', { freeBytes: 1e9, built: true }, '2 GB of disk'],
  ['little memory', { memoryBytes: 2e9 }, '4 GB of memory'],
  [
    'a closed device',
    { trials: new Map([['device', 'sh: cannot open fuse: Operation not permitted']]) },
    'device',
  ],
  ['a dynamic busybox', { trials: new Map([['busybox', 'not found']]) }, 'a static busybox'],
]
for (const [what, change, need] of faults) {
  test(`${what} is named with a remedy, and nothing else is`, () => {
    const [shortfall, ...others] = judge(change)
    equal(shortfall?.need, need)
    deepEqual(others, [])
    ok(shortfall?.remedy !== undefined || (shortfall?.packages.length ?? 0) > 0)
  })
}

test('all faults are named at once, and one command installs what packages bring', () => {
  const shortfalls = judge({ commands: new Set(['mount']), libseccomp: false, goVersion: '1.19' })
  equal(
    installCommand(shortfalls),
    'apt-get install --yes --no-install-recommends busybox-static dpkg gcc git iproute2 libc6-dev libseccomp-dev mount nftables openssl pkg-config util-linux',
  )
  const text = preflightText(shortfalls)
  match(text, /^ {2}Go 1\.26\.6 or later: 1\.19;/)
  match(text, /on Debian or Ubuntu: apt-get update && apt-get install/)
})

test('where only Prometheus is missing, apt fetches its lists and installs nothing', () => {
  const shortfalls = judge({ prometheus: false })
  deepEqual(installSteps(shortfalls), [['update']])
  match(preflightText(shortfalls), /^ {2}prometheus: .*\n {4}→ apt-get update/)
  const [update, install] = installSteps(judge({ prometheus: false, libseccomp: false }))
  deepEqual(update, ['update'])
  equal(install?.at(-1), 'libseccomp-dev')
  deepEqual(installSteps(judge({ goVersion: '1.19' })), [])
})

test('a Go where PATH does not lead is pointed out', () => {
  const [shortfall] = judge({ goVersion: undefined, goOutsidePath: '/usr/local/go/bin/go' })
  equal(shortfall?.remedy, 'export PATH=/usr/local/go/bin:$PATH')
})

test('what fails for want of its command is named once', () => {
  const commands = new Set([...neededCommands.keys()].filter(name => name !== 'nft'))
  deepEqual(needs({ commands, trials: new Map([['nftables', 'nft: not found']]) }), ['nft'])
})

test('little memory does not block, all else does', () => {
  deepEqual(
    judge({ memoryBytes: 2e9, freeBytes: 1e9 }).map(({ blocking }) => blocking),
    [true, false],
  )
})

test('versions are compared by number', () => {
  for (const [version, than] of [
    ['1.9', '1.26.6'],
    ['1.26.5', '1.26.6'],
    ['5.4.0-150-generic', '5.13'],
  ] as const) {
    ok(isOlder(version, than))
    ok(!isOlder(than, version))
  }
  ok(!isOlder('1.26.6', '1.26.6'))
  ok(!isOlder('1.27rc1', '1.26.6'))
})

test('packages are installed by root on Debian, where asked or in CI', () => {
  equal(mayInstall(fit, {}, true), true)
  equal(mayInstall(fit, { CI: 'true' }, false), true)
  equal(mayInstall(fit, {}, false), false)
  equal(mayInstall({ ...fit, distributions: ['fedora'] }, { CI: 'true' }, true), false)
  equal(mayInstall({ ...fit, uid: 1000 }, { CI: 'true' }, true), false)
})
