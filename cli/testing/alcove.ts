import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectRoot } from '../src/program-root.ts'

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const program = join(projectRoot, 'cli/src/main.ts')

/** Runs `alcove ARGS` to its end. */
export async function alcove(...args: readonly string[]): Promise<Finished> {
  return alcoveAt(process.env['HOME'] ?? '/', ...args)
}

/** The same for a user whose home directory is `home`. */
export async function alcoveAt(home: string, ...args: readonly string[]): Promise<Finished> {
  const env = { ...process.env, HOME: home }
  const child = spawn(process.execPath, [program, ...args], { cwd: projectRoot, env })
  child.stdin.end()
  return finished(child)
}

/** The same with this on its standard input. */
export async function alcoveOf(input: Uint8Array, ...args: readonly string[]): Promise<Finished> {
  const child = spawn(process.execPath, [program, ...args], { cwd: projectRoot })
  child.stdin.on('error', () => undefined) // it may end before it has read all
  child.stdin.end(input)
  return finished(child)
}

async function finished(child: ChildProcessWithoutNullStreams): Promise<Finished> {
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.stderr += text
  })
  await once(child, 'close')
  return { code: child.exitCode, ...said }
}

/** An `alcove up` that is up. */
export interface Up extends AsyncDisposable {
  readonly process: ChildProcess
  readonly state: string
  /** What it has printed so far. */
  stdout(): string
  /** Process ids of its roles, as it printed them at its start. */
  readonly pids: Readonly<Record<string, number>>
}

/** Starts `alcove up` with a state directory of its own, and waits until it stays up. */
export async function startUp(...args: readonly string[]): Promise<Up> {
  const state = await mkdtemp(join(tmpdir(), 'alcove-'))
  const child = spawn(process.execPath, [program, 'up', '--state', state, ...args], {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  const up = Promise.withResolvers<void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (/The nodes? stays? up/.test(said)) up.resolve()
  })
  child.once('exit', () => up.reject(new Error(`alcove up ended: ${said}`)))
  await up.promise
  const pids = Array.from(
    said.matchAll(/(simulated-node|stand-in-kubelet|device-plugin|quote-helper) (\d+)/g),
  )
  return {
    process: child,
    state,
    stdout: () => said,
    pids: Object.fromEntries(pids.map(([, name = '', pid]) => [name, Number(pid)])),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM')
        await once(child, 'exit')
      }
      await rm(state, { recursive: true })
    },
  }
}

/** Whether a process exists and has not ended: one that nobody has waited for yet has ended. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    const stat = existsSync('/proc/self/stat') ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ''
    return !/\) Z /.test(stat)
  } catch {
    return false
  }
}

/** Resolves when `holds` does, asked every 10 ms; rejects after `withinMs`, saying `what`. */
export async function within(
  withinMs: number,
  what: string,
  holds: () => Promise<boolean> | boolean,
): Promise<void> {
  const end = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

/** The smallest example's folder. */
export const hello: string = join(projectRoot, 'examples/hello-enclave')

/** An enclave program in a folder of its own: hello-enclave with another manifest. */
export async function variantOf(
  changes: Readonly<Record<string, unknown>>,
  main?: string,
): Promise<string> {
  const folder = await mkdtemp(join(projectRoot, 'examples/.test-'))
  await cp(hello, folder, { recursive: true })
  const manifest = JSON.parse(await readFile(join(folder, 'enclave.json'), 'utf8'))
  await writeFile(join(folder, 'enclave.json'), JSON.stringify({ ...manifest, ...changes }))
  if (main !== undefined) await writeFile(join(folder, 'main.ts'), main)
  return folder
}
