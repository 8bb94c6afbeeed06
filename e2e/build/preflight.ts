import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Environment } from '@alcove/process'
import { BuildError } from './build-error.ts'
import { goModules } from './ensure-parts.ts'
import { parseGoMod } from './go-mod.ts'
import {
  installCommand,
  installSteps,
  isOlder,
  judgeMachine,
  type Shortfall,
} from './judge-machine.ts'
import type { MachineFacts } from './machine-facts.ts'
import { type ReadMachine, readMachine } from './read-machine.ts'

export interface Preflight {
  readonly facts: MachineFacts
  /** Everything that is missing, at once. */
  readonly shortfalls: readonly Shortfall[]
}

/** What this machine lacks for a cluster. @param modules folders of `e2e/go` that will be built */
export async function preflight(
  modules: readonly string[],
  options: ReadMachine,
): Promise<Preflight> {
  const facts = await readMachine(options)
  return { facts, shortfalls: judgeMachine(facts, await oldestGo(modules)) }
}

/** The lines that tell a person what is missing and what to do, the packages in one command. */
export function preflightText(shortfalls: readonly Shortfall[]): string {
  const lines = shortfalls.flatMap(({ need, found, remedy }) => [
    `  ${need}: ${found}`,
    ...(remedy === undefined ? [] : [`    → ${remedy}`]),
  ])
  const command = installCommand(shortfalls)
  if (command === undefined) return lines.join('\n')
  return [...lines, `  on Debian or Ubuntu: apt-get update && ${command}`].join('\n')
}

/** Whether packages may be installed without asking: where it was asked for, and in CI, which has nobody to ask. */
export function mayInstall(facts: MachineFacts, environment: Environment, asked: boolean): boolean {
  const debian = facts.distributions.some(one => one === 'debian' || one === 'ubuntu')
  return (asked || environment['CI'] === 'true') && facts.uid === 0 && debian
}

export interface InstallMissing {
  readonly environment: Environment
  /** Gets each command before it runs, and what it says. */
  readonly write: (text: string) => void
  readonly signal: AbortSignal
}

/**
 * Has apt-get install the packages that are missing, and know those that are fetched later; what neither brings stays missing, so
 * look again afterwards.
 *
 * @throws {BuildError} `ERR_E2E_INSTALL`
 */
export async function installMissing(
  shortfalls: readonly Shortfall[],
  { environment, write, signal }: InstallMissing,
): Promise<void> {
  for (const args of installSteps(shortfalls)) {
    write(`apt-get ${args.join(' ')}\n`)
    const child = spawn('apt-get', ['--quiet', ...args], {
      env: { ...environment, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text
        write(text)
      })
    const [exitCode] = await once(child, 'close')
    if (exitCode !== 0) {
      const output = said.trimEnd().split('\n').slice(-5)
      throw new BuildError('ERR_E2E_INSTALL', `apt-get ${args[0]}: exit code ${exitCode}`, output)
    }
  }
}

async function oldestGo(modules: readonly string[]): Promise<string> {
  const versions = await Promise.all(
    modules.map(async one => parseGoMod(await readFile(join(goModules, one, 'go.mod'), 'utf8')).go),
  )
  return versions.reduce((oldest, one) => (isOlder(oldest, one) ? one : oldest), '1.0')
}
