// `node tools/setup.mjs -- ARGS`: installs what is missing, then runs the pinned Node with ARGS.
// Plain JavaScript without dependencies: it is the first thing that runs in a bare clone, on the machine's own Node.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { becomePinnedNode, pinnedNode, root, thisMachine, unservedReason } from './pinned-node.mjs'

const OLDEST_NODE = 18
const STAMP = join(root, 'node_modules', '.alcove-setup')
const LOCK = join(root, '.alcove-setup.lock')
const TICK_MS = 1000

/** The npm flags that hold whatever the machine's npm settings say about scripts, dev and optional packages. */
const CI_FLAGS = [
  'ci',
  '--include=dev',
  '--include=optional',
  '--ignore-scripts',
  '--engine-strict=false',
  '--package-lock=true',
  '--global=false',
  '--no-audit',
  '--no-fund',
  '--loglevel=error',
]

const lockFile = readFileSync(join(root, 'package-lock.json'), 'utf8')
const wanted = createHash('sha256').update(lockFile).digest('hex')

function isSetUp() {
  return existsSync(pinnedNode()) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** One set-up at a time: a second one waits for the first. The lock is linked into place, so it is never without its holder. */
async function lock() {
  const draft = `${LOCK}.${process.pid}`
  process.on('exit', () => rmSync(draft, { force: true }))
  for (let told = false; ; ) {
    try {
      writeFileSync(draft, String(process.pid))
      linkSync(draft, LOCK)
      process.on('exit', () => rmSync(LOCK, { force: true }))
      return
    } catch (error) {
      if (error.code !== 'EEXIST') fail(`cannot set up in ${root}: ${error.message}`)
    }
    const holder = lockHolder()
    if (holder !== undefined && !isAlive(holder)) takeAway(holder)
    else if (!told)
      process.stdout.write(`waiting for another set-up (process ${holder}; ${LOCK})\n`)
    told = true
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}

/** The process that holds the lock; `undefined` where it was released meanwhile. */
function lockHolder() {
  try {
    return Number(readFileSync(LOCK, 'utf8'))
  } catch {
    return undefined
  }
}

/** Removes a dead process's lock, unless another one has taken its place already. */
function takeAway(holder) {
  const aside = `${LOCK}.stale.${process.pid}`
  try {
    renameSync(LOCK, aside)
    if (Number(readFileSync(aside, 'utf8')) !== holder) linkSync(aside, LOCK)
  } catch {
    // somebody else removed it first
  }
  rmSync(aside, { force: true })
}

function countInstalled() {
  const folder = join(root, 'node_modules')
  if (!existsSync(folder)) return 0
  let count = 0
  for (const name of readdirSync(folder)) {
    if (name.startsWith('@')) count += readdirSync(join(folder, name)).length
    else if (!name.startsWith('.')) count++
  }
  return count
}

function showProgress(startedAt) {
  const seconds = Math.round((Date.now() - startedAt) / 1000)
  const text = `  ${seconds} s, ${countInstalled()} packages laid out`
  if (process.stdout.isTTY) process.stdout.write(`\r${text}`)
  else if (seconds % 5 === 0) process.stdout.write(`${text}\n`)
}

async function install() {
  process.stdout.write(
    'Setting up, once: the pinned Node and the libraries, from npm (about 190 MB)\n',
  )
  const startedAt = Date.now()
  const timer = setInterval(showProgress, TICK_MS, startedAt)
  const npm = process.env.npm_execpath
  const isNpm = npm !== undefined && /npm-cli\.[cm]?js$/.test(npm)
  const [command, args] = isNpm ? [process.execPath, [npm, ...CI_FLAGS]] : ['npm', CI_FLAGS]
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', data => {
      said = (said + data).slice(-4000)
    })
  }
  const code = await new Promise(resolve => {
    child.on('error', error => {
      said += error.message
      resolve(1)
    })
    child.on('exit', resolve)
  })
  clearInterval(timer)
  if (process.stdout.isTTY) process.stdout.write('\n')
  if (code !== 0) {
    fail(
      `${said.trim()}\nSet-up failed: npm could not install the packages. Is the npm registry reachable (npm ping)? Then run the same command again.`,
    )
  }
  if (!existsSync(pinnedNode())) {
    fail(
      `Set-up failed: npm left out the pinned Node (${pinnedNode()}). Is "os" or "cpu" set in your npm settings?`,
    )
  }
  writeFileSync(STAMP, wanted)
  process.stdout.write(`Set up in ${Math.round((Date.now() - startedAt) / 1000)} s\n\n`)
}

const reason = unservedReason(thisMachine())
if (reason !== undefined) fail(reason)
if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  fail(
    `Node ${process.versions.node} is too old to set up with: install Node ${OLDEST_NODE} or later; Alcove then brings its own.`,
  )
}
if (!isSetUp()) {
  await lock()
  if (!isSetUp()) await install()
  rmSync(LOCK, { force: true })
}
becomePinnedNode(process.argv.slice(process.argv.indexOf('--') + 1))
