import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { type BuiltImage, buildImage } from './build.ts'
import { readLinked } from './elf.ts'
import { ImageError } from './image-error.ts'
import { programVersion } from './program.ts'

const CHROOT = '/usr/sbin/chroot'
const project = join(import.meta.dirname, '../..')
const folder = await mkdtemp(join(tmpdir(), 'alcove-image-test-'))
after(() => rm(folder, { recursive: true, force: true }))
const image = join(folder, 'root')

/** The image; or, in words, why this machine cannot build one: it is no linux/x64, has no apt, or nothing cached and no network. */
const built: BuiltImage | string = await build('first').catch((error: unknown) => {
  const elsewhere = ['ERR_IMAGE_MACHINE', 'ERR_IMAGE_PREREQUISITE', 'ERR_IMAGE_DOWNLOAD']
  if (error instanceof ImageError && [...elsewhere, 'ERR_IMAGE_COMMAND'].includes(error.code))
    return `the image cannot be built here: ${error.message.replaceAll(/\s+/g, ' ')}`
  throw error
})

async function build(name: string): Promise<BuiltImage> {
  const environment = { ...process.env, SOURCE_DATE_EPOCH: '1800000000' }
  return await buildImage({ compression: 'none', layout: join(folder, name), environment })
}

/** Lays the image's layers out in a folder, once, as a runtime would; `undefined` after a skip in words. */
async function laidOut(t: TestContext): Promise<typeof run | undefined> {
  if (typeof built === 'string') return void t.skip(built)
  if (process.getuid?.() !== 0) return void t.skip('only root can chroot into the image')
  if (spawnSync(CHROOT, ['/', '/bin/true']).status !== 0) return void t.skip('no chroot here')
  if (existsSync(image)) return run
  await mkdir(image)
  for (const { digest } of built.layers) {
    const blob = join(built.layout, 'blobs/sha256', digest.replace('sha256:', ''))
    const args = ['--extract', '--file', blob, '--directory', image, '--same-owner', '-p']
    equal(spawnSync('tar', args).status, 0)
  }
  return run
}

/** Runs Node in the image, as the user that the image names and with its environment. */
function run(...args: readonly string[]): { status: number | null; said: string } {
  const node = ['--userspec=65532:65532', image, '/usr/local/bin/alcove-node', ...args]
  const { status, stdout, stderr } = spawnSync(CHROOT, node, {
    encoding: 'utf8',
    env: { PATH: '/usr/local/bin' },
    timeout: 60_000,
  })
  return { status, said: stdout + stderr }
}

test('with apt or what it has brought before: built twice, into two places, the image is the same', async t => {
  if (typeof built === 'string') return void t.skip(built)
  const again = await build('again')
  if (again.revision !== built.revision) return void t.skip('the clone changed between the two')
  deepEqual({ ...again, layout: built.layout }, built)
})

test('with apt, in a chroot: the program says its version and its settings as the image’s user', async t => {
  const program = await laidOut(t)
  if (program === undefined) return
  const version = program('/opt/alcove/alcove.mjs', '--version')
  deepEqual(version, { status: 0, said: `${await programVersion(project)}\n` })
  match(program('/opt/alcove/alcove.mjs', 'device-plugin', '--help').said, /DEVICE_PLUGIN_/)
  const user = program('-p', 'process.getuid() + " " + os.userInfo().username')
  deepEqual(user, { status: 0, said: '65532 alcove\n' })
})

test('with apt, in a chroot: every library that Node and koffi link to, and those link to, is in the image', async t => {
  if ((await laidOut(t)) === undefined) return
  const koffi = 'opt/alcove/node_modules/@koromix/koffi-linux-x64/linux_x64/koffi.node'
  const waiting = ['usr/local/bin/alcove-node', koffi]
  const seen = new Set(waiting)
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const { needed, interpreter } = readLinked(await readFile(join(image, path)), path)
    if (interpreter !== undefined) ok((await realpath(image + interpreter)).startsWith(image))
    for (const name of needed.map(one => `lib/x86_64-linux-gnu/${one}`)) {
      if (!seen.has(name)) waiting.push(name)
      seen.add(name)
    }
  }
  ok(seen.has('lib/x86_64-linux-gnu/libatomic.so.1'))
})

test('with apt, in a chroot: koffi loads and calls into libc', async t => {
  const program = await laidOut(t)
  if (program === undefined) return
  const script = `const { default: koffi } = await import('/opt/alcove/node_modules/koffi/index.js')
    console.log(koffi.load('libc.so.6').func('int getpid()')() === process.pid)`
  deepEqual(program('--input-type=module', '-e', script), { status: 0, said: 'true\n' })
})

test('with apt, in a chroot: an example runs unmodified; without a device it says what to ask for', async t => {
  const program = await laidOut(t)
  if (program === undefined) return
  const { status, said } = program('/opt/alcove/examples/hello-enclave/main.ts')
  equal(status, 1)
  match(said, /^no enclave device: .*sgx\.intel\.com\/epc: 10Mi/)
})

test('with apt, in a chroot: a simulated node comes up from the image alone, and its enclave’s quote is accepted', async t => {
  const program = await laidOut(t)
  if (program === undefined) return
  const device = spawnSync('mknod', ['-m', '666', join(image, 'dev/null'), 'c', '1', '3'])
  if (device.status !== 0) return void t.skip('/dev/null cannot be made here')
  const state = '/home/alcove/s'
  const { status, said } = program('/opt/alcove/alcove.mjs', 'up', '--once', '--state', state)
  equal(status, 0, said)
  match(said, /ACCEPTED: TCB status UpToDate/)
})
