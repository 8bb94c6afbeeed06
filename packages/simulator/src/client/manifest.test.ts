import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { type EnclaveFolder, parseManifest, readEnclaveFiles } from './manifest.ts'

const manifest = {
  name: 'hello-enclave',
  main: 'main.ts',
  files: ['main.ts', 'lib/**/*.ts'],
  heapMiB: 8,
  isvProdId: 1,
  isvSvn: 2,
  debug: false,
  signer: 'alcove-examples',
}
const refused = (message: RegExp) => ({ code: 'ERR_SIMULATOR_MANIFEST', message })
const parse = (changes: object) => parseManifest(JSON.stringify({ ...manifest, ...changes }))

function folderOf(...paths: string[]): EnclaveFolder {
  return {
    list: async () => paths,
    read: async path => new TextEncoder().encode(path),
  }
}

test('a manifest is read as it is', () => {
  deepEqual(parse({}), manifest)
})

test('what is not JSON, and every wrong field at once, are named', () => {
  throws(() => parseManifest('{'), refused(/^enclave\.json is not JSON$/))
  throws(
    () => parse({ heapMiB: 1.5, isvSvn: 65_536, extra: 1 }),
    refused(/heapMiB: .*isvSvn: .*extra/),
  )
  throws(() => parseManifest('[]'), refused(/\(top\)/))
})

for (const path of ['/etc/passwd', '../main.ts', 'a/../b', './main.ts', '', 'a//b', 'a\\b', 'a/']) {
  test(`'${path}' is no path in the enclave's folder`, () => {
    throws(() => parse({ main: path }), refused(/main: want a relative path|main: Too small/))
    throws(() => parse({ files: [path] }), refused(/files\.0: /))
  })
}

test('KSS fields are read as they are, and refused where their bytes are too few, too many or no hex', () => {
  const kss = {
    familyId: '0A'.repeat(16),
    extProdId: '0b'.repeat(16),
    configId: '0c'.repeat(64),
    configSvn: 3,
  }
  deepEqual(parse({ kss }).kss, kss)
  for (const familyId of ['0a'.repeat(15), '0a'.repeat(17), 'xx'.repeat(16), '']) {
    throws(() => parse({ kss: { ...kss, familyId } }), refused(/kss\.familyId: want 16 bytes/))
  }
  throws(() => parse({ kss: { ...kss, configId: '' } }), refused(/kss\.configId: want 64 bytes/))
  throws(() => parse({ kss: { ...kss, configSvn: 65_536 } }), refused(/kss\.configSvn/))
  throws(() => parse({ kss: {} }), refused(/kss\.familyId.*kss\.extProdId/))
})

test('a heap is at most 4 GiB, since each of its pages is measured', () => {
  equal(parse({ heapMiB: 4096 }).heapMiB, 4096)
  throws(() => parse({ heapMiB: 4097 }), refused(/heapMiB: .*4096/))
})

test("a program cannot be signed in the platform's name", () => {
  throws(() => parse({ signer: 'alcove-platform-quoting' }), refused(/signer: .*platform's own/))
})

test('each matching file is read once, and main whether it is matched or not', async () => {
  const folder = folderOf('lib/a.ts', 'lib/b/c.ts', 'lib/x.txt', 'main.ts', 'other.ts')
  const paths = async (files: string[]) =>
    (await readEnclaveFiles(parse({ files }), folder)).map(file => file.path).toSorted()
  deepEqual(await paths(['main.ts', 'lib/**', 'lib/a.ts']), [
    'lib/a.ts',
    'lib/b/c.ts',
    'lib/x.txt',
    'main.ts',
  ])
  deepEqual(await paths([]), ['main.ts'])
  deepEqual(await paths(['*.ts']), ['main.ts', 'other.ts'])
})

test('a file whose name looks like a glob can be named', async () => {
  const [file] = await readEnclaveFiles(
    parse({ main: 'a[1].ts', files: ['a[1].ts'] }),
    folderOf('a[1].ts'),
  )
  equal(file?.path, 'a[1].ts')
})

test('an entry that matches nothing, and a main that is not there, are refused', async () => {
  await rejects(readEnclaveFiles(parse({}), folderOf('main.ts')), refused(/'lib\/\*\*\/\*\.ts'/))
  await rejects(
    readEnclaveFiles(parse({ files: [] }), folderOf('a.ts')),
    refused(/main: .*main\.ts/),
  )
})
