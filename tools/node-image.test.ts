import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { parse } from 'yaml'
import { z } from 'zod'

const Recipe = z.object({
  write_files: z.array(z.object({ path: z.string(), content: z.string() })),
  runcmd: z.array(z.string()),
})

const folder = join(import.meta.dirname, '../deploy/node-image')
const recipes = ['ubuntu-18.04', 'ubuntu-22.04', 'ubuntu-24.04'].map(name => {
  const text = readFileSync(join(folder, `${name}.yaml`), 'utf8')
  return { name, text, files: filesOf(text) }
})

const directory = mkdtempSync(join(tmpdir(), 'alcove-node-image-'))
after(() => rmSync(directory, { recursive: true }))

/** What `write_files` writes, by path. */
function filesOf(text: string): ReadonlyMap<string, string> {
  const { write_files } = Recipe.parse(parse(text))
  return new Map(write_files.map(({ path, content }) => [path, content]))
}

const CHECK = '/usr/local/sbin/alcove-node-check'
const SETUP = '/usr/local/sbin/alcove-node-setup'

for (const { name, text, files } of recipes) {
  test(`${name}: cloud-init takes it for its own`, () => {
    ok(text.startsWith('#cloud-config\n'))
    ok(!text.includes('\t'))
    for (const line of text.split('\n')) equal(line, line.trimEnd())
  })

  test(`${name}: every script is one for sh`, () => {
    const scripts = [...files].filter(([, content]) => content.startsWith('#!/bin/sh\n'))
    deepEqual(
      scripts.map(([file]) => file),
      [SETUP, CHECK],
    )
    for (const [file, input] of scripts) {
      equal(spawnSync('sh', ['-n'], { input, encoding: 'utf8' }).stderr, '', file)
    }
    const { runcmd } = Recipe.parse(parse(text))
    equal(spawnSync('sh', ['-n'], { input: runcmd.join('\n'), encoding: 'utf8' }).stderr, '')
  })

  test(`${name}: the kubelet registers with the taint that the device plugin removes`, () => {
    const dropIn = files.get('/etc/systemd/system/kubelet.service.d/90-alcove-sgx.conf') ?? ''
    match(dropIn, /^EnvironmentFile=\/etc\/default\/alcove-kubelet$/m)
    match(
      files.get('/etc/default/alcove-kubelet') ?? '',
      /^KUBELET_EXTRA_ARGS=--register-with-taints=startup-taint\.cluster-autoscaler\.kubernetes\.io\/sgx=pending:NoSchedule$/m,
    )
  })
}

test('all recipes have the same check', () => {
  equal(new Set(recipes.map(({ files }) => files.get(CHECK))).size, 1)
})

test('the check of this machine names what is missing, and its exit code says so', () => {
  const input = recipes[0]?.files.get(CHECK) ?? ''
  const { status, stdout, stderr } = spawnSync('sh', ['-s'], { input, encoding: 'utf8' })
  equal(stderr, '')
  match(stdout, /^(ok {7}|MISSING {2})enclave device: /m)
  match(stdout, /^(ok {7}|MISSING {2})FSGSBASE/m)
  equal(status, /^MISSING/m.test(stdout) ? 1 : 0)
})

/** The 18.04 set-up with everything that it would change in a directory of its own. */
function setUp1804(name: string, conf: (source: string) => string, version = '1.33.2') {
  const root = join(directory, name)
  const bin = join(root, 'bin')
  for (const made of [bin, `${root}/usr/src`, `${root}/etc/udev/rules.d`, `${root}/etc/alcove`]) {
    mkdirSync(made, { recursive: true })
  }
  const driver = join(root, 'dcap/driver/linux')
  mkdirSync(driver, { recursive: true })
  writeFileSync(join(driver, 'dkms.conf'), `PACKAGE_NAME="sgx"\nPACKAGE_VERSION="${version}"\n`)
  writeFileSync(join(driver, '10-sgx.rules'), 'SUBSYSTEM=="misc"\n')
  const source = join(root, 'source.tar.gz')
  equal(spawnSync('tar', ['-czf', source, '-C', root, 'dcap']).status, 0)
  const fakes: Readonly<Record<string, string>> = {
    uname: 'echo 5.4.0-1109-azure',
    modinfo: 'exit 1',
    getent: 'exit 0',
    curl: `while [ "$1" != -o ]; do shift; done; cp ${source} "$2"`,
    dkms: `[ "$1" != status ] && echo "$@" >> ${root}/dkms.log; true`,
    modprobe: `echo "$@" >> ${root}/modprobe.log`,
    udevadm: 'true',
    'apt-get': 'true',
    mount: 'true',
  }
  for (const [command, body] of Object.entries(fakes)) {
    writeFileSync(join(bin, command), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  }
  writeFileSync(join(root, 'etc/alcove/driver.conf'), conf(source))
  const script = (recipes[0]?.files.get(SETUP) ?? '')
    .replaceAll('/etc/', `${root}/etc/`)
    .replaceAll('/usr/src/', `${root}/usr/src/`)
  const PATH = `${bin}:${process.env['PATH'] ?? dirname(process.execPath)}`
  const ran = spawnSync('sh', ['-s'], { input: script, encoding: 'utf8', env: { PATH } })
  const built = existsSync(`${root}/dkms.log`) ? readFileSync(`${root}/dkms.log`, 'utf8') : ''
  return { ...ran, built, root }
}

const url = 'https://mirror.example/dcap.tar.gz'
const confOf = (address: string, sha256: string): string =>
  `DRIVER_VERSION=1.33.2\nDRIVER_URL=${address}\nDRIVER_SHA256=${sha256}\n`
const sha256Of = (path: string): string =>
  createHash('sha256').update(readFileSync(path)).digest('hex')

test('18.04: the recipe as it is builds no driver, and says what it lacks', () => {
  const shipped = recipes[0]?.files.get('/etc/alcove/driver.conf') ?? ''
  const { status, stderr, built } = setUp1804('as-shipped', () => shipped)
  equal(status, 1)
  match(stderr, /DRIVER_SHA256 in .* is no SHA-256/)
  equal(built, '')
})

for (const { name, conf, version, says } of [
  {
    name: 'another SHA-256',
    conf: () => confOf(url, '0'.repeat(64)),
    says: /has another SHA-256/,
  },
  {
    name: 'no https',
    conf: (source: string) => confOf('http://mirror.example/x', sha256Of(source)),
    says: /is no https URL/,
  },
  {
    name: 'another version',
    conf: (source: string) => confOf(url, sha256Of(source)),
    version: '1.36',
    says: /the source is not of driver 1\.33\.2/,
  },
]) {
  test(`18.04: a source with ${name} is not built`, () => {
    const { status, stderr, built } = setUp1804(name.replaceAll(' ', '-'), conf, version)
    equal(status, 1)
    match(stderr, says)
    equal(built, '')
  })
}

test('18.04: the source that was named is built, installed and loaded', () => {
  const { status, stderr, built, root } = setUp1804('right', source =>
    confOf(url, sha256Of(source)),
  )
  equal(stderr, '')
  equal(status, 0)
  equal(built, 'add -m sgx -v 1.33.2\ninstall -m sgx -v 1.33.2\n')
  equal(readFileSync(`${root}/modprobe.log`, 'utf8'), 'intel_sgx\n')
  ok(existsSync(`${root}/usr/src/sgx-1.33.2/dkms.conf`))
  ok(existsSync(`${root}/etc/udev/rules.d/10-sgx.rules`))
})
