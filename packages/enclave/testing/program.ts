import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { temporaryDirectory } from './simulated-machine.ts'

const projectRoot = join(import.meta.dirname, '../../..')

export interface Finished {
  readonly code: number | null
  /** What it printed, stdout and stderr in the order in which they came. */
  readonly printed: string
}

/** A program that runs; it is killed when the test ends. */
export interface Running {
  readonly process: ChildProcess
  readonly finished: Promise<Finished>
  /** Resolves once it has printed `text`; rejects when it ends without. */
  printed(text: string): Promise<void>
}

/** A copy of an example, to be changed. */
export async function exampleCopy(t: TestContext, name: string): Promise<string> {
  const directory = await temporaryDirectory(t)
  await cp(join(projectRoot, 'examples', name), directory, {
    recursive: true,
    filter: path => !path.endsWith('node_modules'),
  })
  await rm(join(directory, 'node_modules'), { recursive: true, force: true })
  await symlink(join(projectRoot, 'node_modules'), join(directory, 'node_modules'))
  return directory
}

/** Runs a program folder's main.ts in a process of its own, in that folder. */
export function runProgram(
  t: TestContext,
  directory: string,
  env: Readonly<Record<string, string>>,
): Running {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'main.ts'], {
    cwd: directory,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  const onText = (text: string): void => {
    said += text
    child.emit('said')
  }
  child.stdout.setEncoding('utf8').on('data', onText)
  child.stderr.setEncoding('utf8').on('data', onText)
  const finished = once(child, 'close').then(() => ({ code: child.exitCode, printed: said }))
  const printed = async (text: string): Promise<void> => {
    const ended = finished.then(end => {
      if (!end.printed.includes(text)) throw new Error(`ended without '${text}': ${end.printed}`)
    })
    while (!said.includes(text)) await Promise.race([once(child, 'said'), ended])
  }
  return { process: child, finished, printed }
}
