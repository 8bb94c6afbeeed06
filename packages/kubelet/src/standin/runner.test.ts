import { deepEqual, equal, rejects } from 'node:assert/strict'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { nothing, scratch } from '../../testing/counting-plugin.ts'
import type { ContainerAllocation } from '../device-plugin.ts'
import { type ProgramExit, runProgram } from './runner.ts'

interface Run {
  readonly directory: string
  readonly shell: string
  readonly allocations?: readonly ContainerAllocation[]
  readonly env?: Record<string, string>
  readonly signal?: AbortSignal
  readonly onText?: (text: string) => void
}

/** Runs a shell script as a program; answers how it ended and what it said. */
async function run(options: Run): Promise<ProgramExit & { readonly output: string }> {
  let output = ''
  const exit = await runProgram({
    allocations: options.allocations ?? [],
    directory: options.directory,
    command: ['sh', '-c', options.shell],
    cwd: '/',
    env: options.env ?? {},
    signal: options.signal ?? new AbortController().signal,
    onOutput: (_stream, text) => {
      output += text
      options.onText?.(text)
    },
  })
  return { ...exit, output }
}

test('a program finds what it was allocated below ALCOVE_ROOT, and nothing else', async t => {
  const base = await scratch(t)
  const hostPath = join(base, 'device')
  await writeFile(hostPath, 'the device\n')
  const allocation: ContainerAllocation = {
    ...nothing,
    devices: [
      { hostPath, containerPath: '/dev/sgx_enclave', permissions: 'rw' },
      { hostPath, containerPath: '/dev/sgx/enclave', permissions: 'rw' },
    ],
    mounts: [{ hostPath: base, containerPath: '/var/run/aesmd', readOnly: true }],
  }
  const { output, code } = await run({
    directory: join(base, 'p'),
    allocations: [allocation],
    shell: 'cd $ALCOVE_ROOT && find . | sort && cat dev/sgx/enclave && stat -c %a .',
  })
  equal(code, 0)
  deepEqual(output.trim().split('\n'), [
    '.',
    './dev',
    './dev/sgx',
    './dev/sgx/enclave',
    './dev/sgx_enclave',
    './var',
    './var/run',
    './var/run/aesmd',
    'the device',
    '700',
  ])
})

test('a program that was allocated nothing finds nothing', async t => {
  const directory = join(await scratch(t), 'p')
  const { output } = await run({ directory, shell: 'ls -A $ALCOVE_ROOT' })
  equal(output, '')
})

test('the environment is what was given, the plugin’s, PATH and ALCOVE_ROOT; nothing is inherited', async t => {
  process.env['LEAK'] = 'leaked'
  t.after(() => delete process.env['LEAK'])
  const directory = join(await scratch(t), 'p')
  const { output } = await run({
    directory,
    allocations: [{ ...nothing, envs: { FROM_PLUGIN: '1', BOTH: 'plugin', ALCOVE_ROOT: '/' } }],
    env: { GIVEN: '2', BOTH: 'given' },
    shell: 'env',
  })
  const shellSets = /^(PWD|OLDPWD|SHLVL|_|NODE_CHANNEL_\w+)=/
  deepEqual(
    output
      .trim()
      .split('\n')
      .filter(line => !shellSets.test(line))
      .toSorted(),
    [
      `ALCOVE_ROOT=${directory}`,
      'BOTH=given',
      'FROM_PLUGIN=1',
      'GIVEN=2',
      'PATH=/usr/local/bin:/usr/bin:/bin',
    ],
  )
})

test('two programs have a root of their own each, and both are gone afterwards', async t => {
  const base = await scratch(t)
  const shell = 'echo secret > $ALCOVE_ROOT/mine; sleep 0.1; ls $ALCOVE_ROOT'
  const other = 'sleep 0.05; ls $ALCOVE_ROOT'
  const [one, two] = await Promise.all([
    run({ directory: join(base, 'one'), shell }),
    run({ directory: join(base, 'two'), shell: other }),
  ])
  equal(one.output, 'mine\n')
  equal(two.output, '')
  deepEqual(await readdir(base), [])
})

test('removing the root leaves what its symlinks lead to', async t => {
  const base = await scratch(t)
  await writeFile(join(base, 'kept'), '')
  const mounts = [{ hostPath: base, containerPath: '/mnt', readOnly: false }]
  const directory = join(base, 'p')
  await run({ directory, allocations: [{ ...nothing, mounts }], shell: 'ls $ALCOVE_ROOT/mnt/' })
  deepEqual(await readdir(base), ['kept'])
})

for (const [what, paths, says] of [
  ['climbs out of the root', ['/../x'], /not a plain path below the root/],
  ['is the root', ['/'], /not a plain path below the root/],
  ['is relative', ['x'], /not a plain path below the root/],
  ['lies below another', ['/dev', '/dev-x', '/dev/sgx'], /"\/dev" and "\/dev\/sgx" collide/],
  ['is a device’s and a mount’s', ['/dev/x'], /"\/dev\/x" and "\/dev\/x" collide/],
] as const) {
  test(`a container path that ${what} is refused, and nothing is left`, async t => {
    const base = await scratch(t)
    const devices = paths.map(containerPath => ({
      containerPath,
      hostPath: base,
      permissions: 'r',
    }))
    const mounts =
      paths.length === 1 ? [{ hostPath: base, containerPath: paths[0], readOnly: true }] : []
    const allocations = [{ ...nothing, devices, mounts }]
    await rejects(run({ directory: join(base, 'p'), allocations, shell: 'true' }), {
      code: 'ERR_KUBELET_ALLOCATION',
      message: says,
    })
    deepEqual(await readdir(base), [])
  })
}

test('a host path that is not there is refused by name', async t => {
  const base = await scratch(t)
  const devices = [{ hostPath: '/dev/none', containerPath: '/dev/x', permissions: 'r' }]
  const allocations = [{ ...nothing, devices }]
  await rejects(run({ directory: join(base, 'p'), allocations, shell: 'true' }), {
    code: 'ERR_KUBELET_ALLOCATION',
    message: 'host path /dev/none of /dev/x is not there',
  })
})

test('a program that cannot be started, or whose directory exists, is refused', async t => {
  const base = await scratch(t)
  const options = {
    allocations: [],
    directory: join(base, 'p'),
    command: ['no-such-program'],
    cwd: '/',
    env: {},
    onOutput: () => undefined,
    signal: new AbortController().signal,
  }
  await rejects(runProgram(options), {
    code: 'ERR_KUBELET_PROGRAM',
    message: /cannot start no-such-program in \/: .*ENOENT/,
  })
  await rejects(runProgram({ ...options, command: [] }), { code: 'ERR_KUBELET_PROGRAM' })
  await rejects(run({ directory: base, shell: 'true' }), { code: 'ERR_KUBELET_PROGRAM' })
  equal((await stat(base)).isDirectory(), true)
})

test('exit code, signal, stdout and stderr come back', async t => {
  const base = await scratch(t)
  const directory = join(base, 'p')
  deepEqual(await run({ directory, shell: 'echo out; echo err >&2; exit 7' }), {
    code: 7,
    signal: null,
    output: 'out\nerr\n',
  })
  const killed = await run({ directory, shell: 'kill -9 $$' })
  deepEqual(killed, { code: null, signal: 'SIGKILL', output: '' })
})

test('an abort ends a program with SIGTERM, and what it has started with it', async t => {
  const base = await scratch(t)
  const controller = new AbortController()
  const { signal } = await run({
    directory: join(base, 'p'),
    shell: 'sleep 60 & echo $!; wait',
    signal: controller.signal,
    onText: () => controller.abort(),
  })
  equal(signal, 'SIGTERM')
})

test('a program’s end ends what it has left in the background', async t => {
  const base = await scratch(t)
  const { output } = await run({ directory: join(base, 'p'), shell: 'sleep 60 & echo $!' })
  await delay(20)
  const state = await readFile(`/proc/${output.trim()}/stat`, 'utf8').catch(() => 'gone Z')
  equal(/ Z/.test(state), true)
})

test('a program that ignores SIGTERM is killed 2 s later', async t => {
  const base = await scratch(t)
  const controller = new AbortController()
  const { signal } = await run({
    directory: join(base, 'p'),
    shell: 'trap "" TERM; echo up; while :; do sleep 0.05; done',
    signal: controller.signal,
    onText: () => controller.abort(),
  })
  equal(signal, 'SIGKILL')
})

test('a Node program has an IPC channel that tells it of its parent’s death', async t => {
  const base = await scratch(t)
  let output = ''
  const command = [process.execPath, '-e', 'console.log(process.connected); process.exit()']
  await runProgram({
    allocations: [],
    directory: join(base, 'p'),
    command,
    cwd: base,
    env: {},
    signal: new AbortController().signal,
    onOutput: (_stream, text) => {
      output += text
    },
  })
  equal(output, 'true\n')
})
