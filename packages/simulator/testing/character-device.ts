import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** `/dev/fuse`, 10:229: opens as an SGX device does, and is outside the runtimes' default allow-list. */
export const FUSE: readonly [major: number, minor: number] = [10, 229]

/** @returns whether there is one at `path` now: making one is root's */
export function makeCharacterDevice(
  path: string,
  [major, minor]: readonly [number, number] = FUSE,
  mode: string = '0666',
): boolean {
  spawnSync('mknod', ['-m', mode, path, 'c', String(major), String(minor)])
  return existsSync(path)
}

/** Why character devices cannot be made and opened here; `false` where they can. */
export const noCharacterDevices: string | false = reason()

function reason(): string | false {
  const directory = mkdtempSync(join(tmpdir(), 'alcove-device-'))
  try {
    const path = join(directory, 'fuse')
    if (!makeCharacterDevice(path)) return 'making a device node takes root'
    closeSync(openSync(path, 'r+'))
    return false
  } catch {
    return '/dev/fuse does not open here'
  } finally {
    rmSync(directory, { recursive: true })
  }
}
