import { equal, match } from 'node:assert/strict'
import { test } from 'node:test'
import { unservedReason } from './pinned-node.mjs'

const cases: readonly [machine: Parameters<typeof unservedReason>[0], says: RegExp | undefined][] =
  [
    [{ platform: 'linux', arch: 'x64', glibc: '2.36' }, undefined],
    [{ platform: 'linux', arch: 'arm64', glibc: '2.31' }, undefined],
    [{ platform: 'darwin', arch: 'arm64', glibc: undefined }, undefined],
    [{ platform: 'linux', arch: 'x64', glibc: undefined }, /this Linux has musl: use a glibc/],
    [{ platform: 'win32', arch: 'x64', glibc: undefined }, /this is Windows: use WSL 2/],
    [{ platform: 'darwin', arch: 'x64', glibc: undefined }, /this is an Intel Mac/],
    [{ platform: 'linux', arch: 'riscv64', glibc: '2.36' }, /this is linux on riscv64/],
  ]

for (const [machine, says] of cases) {
  test(`${machine.platform} ${machine.arch}${machine.glibc ? '' : ' without glibc'} is ${says ? 'refused in a sentence' : 'served'}`, () => {
    const reason = unservedReason(machine)
    if (says === undefined) equal(reason, undefined)
    else match(reason ?? '', says)
  })
}
