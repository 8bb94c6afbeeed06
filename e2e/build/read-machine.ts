import { execFile } from 'node:child_process'
import { constants, glob, mkdtemp, readFile, rmdir, statfs } from 'node:fs/promises'
import { release, tmpdir, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { getuid } from 'node:process'
import { promisify } from 'node:util'
import type { Environment } from '@alcove/process'
import { findProgram, firstUsable } from './find-program.ts'
import {
  type MachineFacts,
  neededCommands,
  parseCgroups,
  parseDistributions,
  parseTrials,
} from './machine-facts.ts'
import { findPrometheus, offeredVersion } from './prometheus-package.ts'

const run = promisify(execFile)

export interface ReadMachine {
  readonly environment: Environment
  readonly cache: string
  /** Whether something asks for Prometheus, as a story may. */
  readonly prometheus: boolean
  readonly signal: AbortSignal
}

/** Reads everything at once; what is not there is a fact, not an error. */
export async function readMachine(options: ReadMachine): Promise<MachineFacts> {
  const { environment, cache, signal } = options
  const uid = getuid?.() ?? -1
  const status = await textOf('/proc/self/status')
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'
  const found = await Promise.all(
    Array.from(neededCommands.keys(), async name => ({
      name,
      there: (await findProgram(name, environment)) !== undefined,
    })),
  )
  const commands = new Set(found.filter(({ there }) => there).map(({ name }) => name))
  return {
    platform: process.platform,
    architecture: process.arch,
    kernel: release(),
    distributions: parseDistributions(await textOf('/etc/os-release')),
    uid,
    capabilities: BigInt(`0x${mask}`),
    commands,
    goVersion: await goVersion(environment, signal),
    goOutsidePath: await firstUsable(['/usr/local/go/bin/go', '/usr/lib/go/bin/go']),
    libseccomp:
      commands.has('pkg-config') &&
      (await succeeds('pkg-config', ['--exists', 'libseccomp'], options)),
    certificateAuthorities: (await firstUsable(BUNDLES, constants.R_OK)) !== undefined,
    prometheus: !options.prometheus || (await canHavePrometheus(options)),
    cgroups: parseCgroups(
      await textOf('/proc/self/mounts'),
      await textOf('/sys/fs/cgroup/cgroup.controllers'),
    ),
    trials: uid === 0 && commands.has('unshare') ? await tryOut(options) : new Map(),
    freeBytes: await freeBytes(cache),
    memoryBytes: totalmem(),
    built: (await Array.fromAsync(glob('kubernetes-*', { cwd: cache }))).length > 0,
  }
}

/** Where Go's crypto/x509 looks on Linux, root_linux.go: Debian's and Fedora's bundles. */
const BUNDLES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt']

/**
 * What a node does, done once in namespaces that end with it: a module that the kernel must load is loaded by it, and
 * one that is built in is found, which a list of modules would not say.
 */
const TRIALS = `
echo "namespaces	"
try() {
  name=$1; shift
  if said=$("$@" 2>&1); then said=; else said=$(echo "\${said:-failed}" | head -n 1 | tr '\\t' ' '); fi
  printf '%s\\t%s\\n' "$name" "$said"
}
try_overlay() { mkdir lower upper work merged && mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged; }
try_device() { mknod fuse c 10 229 && sh -c 'exec 3<>fuse'; }
try_bridge() { ip link add br0 type bridge; }
try_veth() { ip link add v0 type veth peer name v1; }
try_nftables() {
  nft add table ip a && nft 'add chain ip a c { type nat hook postrouting priority 100; }' && nft add rule ip a c masquerade
}
try_busybox() { mkdir root && cp "$(command -v busybox)" root/busybox && unshare --root=root /busybox true; }
mount -t tmpfs tmpfs "$1" && cd "$1" || exit 1
for one in overlay device bridge veth nftables busybox; do try "$one" "try_$one"; done
`

async function tryOut({ signal }: ReadMachine): Promise<MachineFacts['trials']> {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-trial-'))
  const flags = ['--mount', '--net', '--pid', '--fork', '--uts', '--ipc']
  const shell = ['sh', '-c', TRIALS, 'sh', directory]
  try {
    const { stdout } = await run('unshare', [...flags, '--propagation', 'private', ...shell], {
      signal,
    })
    return parseTrials(stdout)
  } catch (error) {
    signal.throwIfAborted()
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error)
    return new Map([['namespaces', said.trim().split('\n').at(-1) ?? said]])
  } finally {
    await rmdir(directory)
  }
}

async function canHavePrometheus(options: ReadMachine): Promise<boolean> {
  if ((await findPrometheus(options)) !== undefined) return true
  return (await offeredVersion(options.environment, options.signal)) !== undefined
}

async function goVersion(
  environment: Environment,
  signal: AbortSignal,
): Promise<string | undefined> {
  if ((await findProgram('go', environment)) === undefined) return undefined
  const env = { ...environment, GOTOOLCHAIN: 'local' }
  const { stdout } = await run('go', ['env', 'GOVERSION'], { env, signal, cwd: '/' })
  return /^go([0-9.]+)/.exec(stdout)?.[1] ?? stdout.trim()
}

async function succeeds(
  program: string,
  args: readonly string[],
  { environment, signal }: ReadMachine,
): Promise<boolean> {
  try {
    await run(program, [...args], { env: { ...environment }, signal })
    return true
  } catch {
    signal.throwIfAborted()
    return false
  }
}

/** Empty where there is no such file, as outside of Linux. */
async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return ''
  }
}

async function freeBytes(path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  } catch (error) {
    // The cache is made later: what counts is the disk that it will be on.
    if (path === dirname(path)) throw error
    return freeBytes(dirname(path))
  }
}
