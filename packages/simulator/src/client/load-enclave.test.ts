import { deepEqual, equal, rejects } from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createPlatform } from '../platform/platform.ts'
import { serveSimulatedPlatform } from '../server/index.ts'
import {
  connectPlatform,
  enclaveFolder,
  loadEnclave,
  measureManifest,
  parseManifest,
} from './index.ts'

const manifest = {
  name: 'hello',
  main: 'main.ts',
  files: ['lib/**'],
  heapMiB: 0,
  isvProdId: 1,
  isvSvn: 1,
  debug: false,
  signer: 'test',
}

async function folderWith(
  t: TestContext,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-enclave-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), text)
  }
  return directory
}

async function platformFor(t: TestContext, directory: string) {
  const path = join(directory, 'socket')
  const platform = createPlatform({
    seed: new Uint8Array(32),
    now: () => new Date('2026-05-01T12:00:00Z'),
    random: length => new Uint8Array(length),
    epcBytes: 2 ** 20,
  })
  const tokens = { enclave: 'enclave', provision: 'provision' }
  const server = await serveSimulatedPlatform({ path, platform, tokens })
  t.after(() => server[Symbol.asyncDispose]())
  const client = await connectPlatform(path, tokens.enclave)
  t.after(() => client.close())
  return client
}

test('a folder lists the files below it by their relative paths, and follows no link', async t => {
  const directory = await folderWith(t, { 'a.ts': 'a', 'lib/deep/b.ts': 'b' })
  await symlink('/etc/passwd', join(directory, 'link'))
  const folder = enclaveFolder(directory)
  deepEqual((await folder.list()).toSorted(), ['a.ts', 'lib/deep/b.ts'])
  equal(new TextDecoder().decode(await folder.read('lib/deep/b.ts')), 'b')
})

test('an enclave is loaded from its folder, and has the MRENCLAVE that is computed from it', async t => {
  const files = { 'main.ts': 'main', 'lib/a.ts': 'a', 'enclave.json': JSON.stringify(manifest) }
  const directory = await folderWith(t, files)
  const enclave = await loadEnclave(await platformFor(t, directory), directory)
  const json = await readFile(join(directory, 'enclave.json'), 'utf8')
  const expected = await measureManifest(parseManifest(json), enclaveFolder(directory))
  equal(enclave.mrEnclave.toHex(), expected.mrEnclave.toHex())
})

test('a folder without enclave.json, and one whose files are not there, are refused by name', async t => {
  const directory = await folderWith(t, { 'main.ts': 'main' })
  const client = await platformFor(t, directory)
  const refused = (message: RegExp) => ({ code: 'ERR_SIMULATOR_MANIFEST', message })
  await rejects(loadEnclave(client, directory), refused(/cannot read .*enclave\.json: ENOENT/))
  await writeFile(join(directory, 'enclave.json'), JSON.stringify(manifest))
  await rejects(loadEnclave(client, directory), refused(/'lib\/\*\*' matches no file/))
})
