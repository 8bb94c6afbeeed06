// For this package's tests: a plugin or a stand-in kubelet in a process of its own, that can be stopped and killed.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** A process that runs `call` of `module`, a path from `src`; resolves once that has resolved. */
export async function inProcess(
  module: string,
  call: string,
  t: TestContext,
): Promise<ChildProcess> {
  const url = (path: string): string => JSON.stringify(join(import.meta.dirname, path))
  const script = `
    const { countingPlugin } = await import(${url('counting-plugin.ts')})
    const module = await import(${url(`../src/${module}`)})
    await module.${call}
    console.log('up')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

export async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
