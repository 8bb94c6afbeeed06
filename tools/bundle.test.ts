import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { z } from 'zod'
import { writeSimulatedRoot } from '../packages/simulator/src/index.ts'
import { bundleProgram } from './bundle.ts'

const root = join(import.meta.dirname, '..')
const directory = await mkdtemp(join(tmpdir(), 'alcove-bundle-'))
after(() => rm(directory, { recursive: true }))
const files = await bundleProgram(join(directory, 'dist'))

/** The bundled program, in an empty directory and with no environment but what is given: nothing of the clone helps it. */
function alcove(args: readonly string[], environment: Record<string, string> = {}): ChildProcess {
  const program = join(directory, 'dist/alcove.mjs')
  return spawn(process.execPath, [program, ...args], {
    cwd: directory,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** What it said, and how it ended. */
async function finished(
  program: string,
  args: readonly string[],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: directory,
    env: {},
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  })
  const said = Promise.all([text(child.stdout), text(child.stderr)])
  await once(child, 'close')
  const [stdout, stderr] = await said
  return { code: child.exitCode, stdout, stderr }
}

/** The command lines of processes that were started with something below a folder; none are known without /proc. */
async function runningFrom(folder: string): Promise<readonly string[]> {
  if (process.platform !== 'linux') return []
  const lines = await Promise.all(
    (await readdir('/proc'))
      .filter(name => /^\d+$/.test(name))
      .map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  )
  return lines.filter(line => line.includes(folder))
}

/** What it writes to its output: all of it, or until `enough` is there. */
function output(child: ChildProcess, enough?: RegExp): Promise<string> {
  return new Promise(resolve => {
    let said = ''
    child.stdout?.setEncoding('utf8').on('data', (more: string) => {
      said += more
      if (enough?.test(said)) resolve(said)
    })
    child.once('close', () => resolve(said))
  })
}

test('the bundle says its version', async () => {
  const { version } = z
    .object({ version: z.string() })
    .parse(JSON.parse(await readFile(join(root, 'cli/package.json'), 'utf8')))
  equal(await output(alcove(['--version'])), `${version}\n`)
})

test('the bundle verifies a quote that Intel’s hardware made', async () => {
  const vector = join(root, 'vectors/sgx-v3-icelake')
  const found = z
    .array(
      z.object({
        name: z.string(),
        at: z.string(),
        expect: z.object({ status: z.string().optional() }),
      }),
    )
    .parse(JSON.parse(await readFile(join(root, 'vectors/index.json'), 'utf8')))
    .find(({ name }) => name === 'sgx-v3-icelake')
  ok(found)
  const child = alcove([
    ...['verify', join(vector, 'quote.bin'), '--collateral', join(vector, 'collateral.json')],
    ...['--at', found.at, '--output', 'json'],
  ])
  const { status } = z.object({ status: z.string() }).parse(JSON.parse(await output(child)))
  equal(status, found.expect.status)
})

test('device plugin and quote helper serve from the bundle, and end when they are told to', async t => {
  const node = join(directory, 'node')
  await writeSimulatedRoot(node, {
    size: 'DC2s_v2',
    os: 'in-kernel',
    enclaveToken: 'e',
    provisionToken: 'p',
  })
  await mkdir(join(directory, 'k'))
  const roles = {
    'device-plugin': {
      DEVICE_PLUGIN_EPC_MODE: 'devices',
      DEVICE_PLUGIN_SIMULATED_ROOT: node,
      DEVICE_PLUGIN_KUBELET_DIR: join(directory, 'k'),
    },
    'quote-helper': {
      QUOTE_HELPER_SIMULATED_ROOT: node,
      QUOTE_HELPER_SOCKET: join(directory, 'aesmd/aesm.socket'),
    },
  }
  for (const [role, environment] of Object.entries(roles)) {
    const child = alcove([role], environment)
    t.after(() => child.kill('SIGKILL'))
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
    match(await output(child, /"event":"serving"/), /"event":"serving"/)
    child.kill('SIGTERM')
    deepEqual(await once(child, 'exit'), [0, null], role)
    clearTimeout(timer)
  }
})

test('up --once runs a first enclave from a bundle in the project, and leaves nothing running', async t => {
  const folder = await mkdtemp(join(root, 'examples/.test-bundle-'))
  t.after(() => rm(folder, { recursive: true }))
  await cp(join(directory, 'dist'), join(folder, 'dist'), { recursive: true })
  const { code, stdout, stderr } = await finished(join(folder, 'dist/alcove.mjs'), [
    ...['up', '--once', '--state', join(directory, 's')],
  ])
  equal(code, 0, stdout + stderr)
  match(stdout, /ACCEPTED: TCB status UpToDate/)
  deepEqual(await runningFrom(folder), [])
})

test('away from the project, up says in one line that it needs the examples, and starts nothing', async () => {
  const program = join(directory, 'dist/alcove.mjs')
  const args = ['up', '--once', '--state', join(directory, 'unused')]
  const { code, stdout, stderr } = await finished(program, args)
  equal(code, 1)
  equal(stdout, '')
  match(
    stderr,
    /^alcove: no examples\/hello-enclave in .*: it is not shipped .* run this in the project's folder, .*\(ERR_INPUT_ABSENT\)\n$/,
  )
  ok(!(await readdir(directory)).includes('unused'))
})

test('away from the project, doctor tells what a node has', async () => {
  const node = join(directory, 'examined')
  await writeSimulatedRoot(node, {
    size: 'DC2s_v2',
    os: 'in-kernel',
    enclaveToken: 'e',
    provisionToken: 'p',
  })
  const program = join(directory, 'dist/alcove.mjs')
  const { code, stdout, stderr } = await finished(program, ['doctor', '--simulated-root', node])
  equal(code, 0, stderr)
  match(stdout, /^CAPABLE: /m)
})

test('nothing that only develops or tests the project is in the bundle', async () => {
  const manifests = await Promise.all(
    ['package.json', 'packages/simulator/package.json', 'packages/kubelet/package.json'].map(
      async path =>
        z
          .object({ devDependencies: z.record(z.string(), z.string()) })
          .parse(JSON.parse(await readFile(join(root, path), 'utf8'))).devDependencies,
    ),
  )
  const developing = new Set(manifests.flatMap(Object.keys))
  // what reads JSON and command lines in the tools reads them in the program too
  for (const name of ['zod', 'commander']) developing.delete(name)
  const modules = files.flatMap(file => file.modules)
  ok(modules.length > 100)
  deepEqual(
    modules.filter(
      module =>
        /\.test\.ts$|\/testing\//.test(module) ||
        [...developing].some(name => module.includes(`node_modules/${name}/`)),
    ),
    [],
  )
})

test('the licences of what went in are beside the bundle, and no line of it is a screen long', async () => {
  const notices = await readFile(join(directory, 'dist/THIRD-PARTY.txt'), 'utf8')
  for (const name of ['@grpc/grpc-js', '@bufbuild/protobuf', 'commander', 'pino', 'zod'])
    match(notices, new RegExp(`^${name} [0-9.]+ \\(`, 'm'))
  for (const { path } of files) {
    const script = await readFile(join(directory, 'dist', path), 'utf8')
    ok(!/^.{4000}/m.test(script), path)
  }
})
