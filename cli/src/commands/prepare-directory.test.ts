import { deepEqual, equal, match } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmod, chown, mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { projectRoot } from '../program-root.ts'

const GID = 65531
const setpriv = spawnSync('setpriv', ['--version']).status === 0 && process.getuid?.() === 0
const skip = setpriv ? false : 'takes root, and setpriv of util-linux'

async function node(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-prepare-'))
  t.after(() => rm(directory, { recursive: true }))
  await chmod(directory, 0o755)
  return directory
}

/** Runs a command as a container's process: a uid and a gid, no other group, no capability. */
function contained(uid: number, gid: number, ...command: readonly string[]) {
  const as = ['--reuid', `${uid}`, '--regid', `${gid}`, '--clear-groups']
  const without = ['--inh-caps=-all', '--bounding-set=-all', '--no-new-privs']
  return spawnSync('setpriv', [...as, ...without, ...command], { encoding: 'utf8' })
}

function prepare(...directories: readonly string[]) {
  const program = join(projectRoot, 'cli/src/main.ts')
  return contained(0, GID, process.execPath, program, 'prepare-directory', ...directories)
}

test('root without any capability hands the kubelet’s directory over to its group, twice if need be', {
  skip,
}, async t => {
  const directory = join(await node(t), 'aesmd')
  await mkdir(directory, { mode: 0o755 })
  for (const lines of [2, 0]) {
    const { status, stdout } = prepare(directory, join(directory, 'below'))
    equal(status, 0)
    equal(stdout.split('\n').length - 1, lines)
    for (const path of [directory, join(directory, 'below')]) {
      const { uid, gid, mode } = await stat(path)
      deepEqual([uid, gid, mode & 0o7777], [0, GID, 0o775])
    }
  }
})

test('the daemons’ user makes files there, and a program’s user cannot remove them', {
  skip,
}, async t => {
  const directory = join(await node(t), 'aesmd')
  equal(prepare(directory).status, 0)
  const file = join(directory, 'aesm.socket')
  equal(contained(GID, GID, 'touch', file).status, 0)
  equal(contained(65532, 65532, 'rm', '-f', file).status, 1)
  equal(contained(65532, 65532, 'touch', join(directory, 'x')).status, 1)
  equal(contained(GID, GID, 'rm', file).status, 0)
})

test('a directory of somebody else’s is refused, and whose it is is said', { skip }, async t => {
  const directory = join(await node(t), 'aesmd')
  await mkdir(directory, { mode: 0o700 })
  await chown(directory, 1000, 1000)
  const { status, stderr } = prepare(directory)
  equal(status, 2)
  match(stderr, /EPERM.*uid 1000's, gid 1000, mode 700.*\(ERR_USAGE\)/)
})
