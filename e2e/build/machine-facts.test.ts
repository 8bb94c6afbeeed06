import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { parseCgroups, parseDistributions, parseTrials } from './machine-facts.ts'

test('cgroup v1 is read from its mounts, and is writable only where all of them are', () => {
  const mounts = (options: string) =>
    `proc /proc proc rw 0 0\ncgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\ncgroup /sys/fs/cgroup/pids cgroup ${options},pids 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n`
  const controllers = ['rw', 'cpu', 'cpuacct', 'rw', 'pids']
  deepEqual(parseCgroups(mounts('rw'), ''), { version: 1, controllers, writable: true })
  deepEqual(parseCgroups(mounts('ro'), '').writable, false)
})

test('cgroup v2 is read from its root', () => {
  deepEqual(parseCgroups('cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n', 'cpuset cpu memory\n'), {
    version: 2,
    controllers: ['cpuset', 'cpu', 'memory'],
    writable: true,
  })
  deepEqual(parseCgroups('cgroup2 /sys/fs/cgroup cgroup2 ro,nosuid 0 0\n', 'cpu').writable, false)
})

test('without a cgroup mount there is no version', () => {
  deepEqual(parseCgroups('proc /proc proc rw 0 0\n', ''), {
    version: undefined,
    controllers: [],
    writable: false,
  })
})

test('a distribution and those that it is like are named, quoted or not', () => {
  deepEqual(parseDistributions('NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n'), [
    'linuxmint',
    'ubuntu',
    'debian',
  ])
})

test('a trial that said nothing worked, one that said something did not, and one not named was not made', () => {
  const made = parseTrials('namespaces\t\noverlay\tmount: permission denied\nunknown\t\n')
  deepEqual(Array.from(made), [
    ['namespaces', undefined],
    ['overlay', 'mount: permission denied'],
  ])
})
