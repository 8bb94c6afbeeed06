import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** A daemon of a machine. */
export interface Daemon {
  readonly name: string
  readonly program: string
  readonly args: readonly string[]
  /** What it prints is appended here. */
  readonly log: string
  /** How long it stays down after it has ended. */
  readonly restartMs: number
}

/** Keeps a daemon running for as long as this process lives, as a machine's service manager does. */
export async function keepRunning(daemon: Daemon): Promise<never> {
  for (;;) {
    await runOnce(daemon)
    await sleep(daemon.restartMs)
  }
}

async function runOnce({ program, args, log, name }: Daemon): Promise<void> {
  await using file = await open(log, 'a')
  const child = spawn(program, [...args], { stdio: ['ignore', file.fd, file.fd] })
  const [code, signal] = await once(child, 'exit')
  process.stdout.write(`${new Date().toISOString()} ${name} ended: ${signal ?? code}\n`)
}
