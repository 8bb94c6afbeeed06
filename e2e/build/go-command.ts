import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type { Environment } from '@alcove/process'
import { BuildError } from './build-error.ts'
import { addLine, emptyOutput, type GoOutput } from './go-output.ts'

export interface GoCommand {
  readonly args: readonly string[]
  readonly directory: string
  readonly environment: Environment
  readonly cgo?: boolean
  readonly signal: AbortSignal
  readonly onOutput?: (output: GoOutput) => void
}

/**
 * Runs the machine's own Go and answers what it wrote to standard output.
 *
 * No other toolchain is fetched and no workspace around the module is taken in. A Go command ends with this process,
 * however that ends; Go's own caches hold nothing half-written.
 *
 * @throws {BuildError} `ERR_E2E_GO` with the last lines of its messages
 */
export async function runGo(command: GoCommand): Promise<string> {
  const { args, directory, environment, signal } = command
  signal.throwIfAborted()
  // pdeathsig: a build that nobody waits for would go on for minutes after a kill -9.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'go', ...args], {
    cwd: directory,
    env: {
      ...environment,
      GOTOOLCHAIN: 'local',
      GOWORK: 'off',
      ...(command.cgo === undefined ? {} : { CGO_ENABLED: command.cgo ? '1' : '0' }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
  })
  let output = emptyOutput
  createInterface(child.stderr).on('line', line => {
    output = addLine(output, line)
    command.onOutput?.(output)
  })
  const [stdout, [exitCode, exitSignal]] = await Promise.all([
    text(child.stdout),
    once(child, 'close'),
  ])
  if (exitCode !== 0) {
    const end = exitSignal === null ? `exit code ${exitCode}` : `signal ${exitSignal}`
    throw new BuildError('ERR_E2E_GO', `go ${args[0]} failed: ${end}`, output.messages)
  }
  return stdout
}
