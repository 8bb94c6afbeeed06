import { chmod, chown, mkdir, stat } from 'node:fs/promises'
import type { Log } from '@alcove/process'
import { UsageError } from '../exit.ts'

/** Its group writes, everybody else reads and enters. */
const MODE = 0o775

/**
 * Hands directories of the node over to this process's group. The kubelet makes a hostPath directory as root's, 0755, where a
 * daemon that is not root can make no socket. Takes uid 0 and no capability: a file's owner may change its mode, and give
 * it to a group that he is in. A directory that is as it should be is left alone, whoever owns it.
 *
 * @throws {UsageError} for a directory of somebody else's
 */
export async function prepareDirectoryCommand(
  directories: readonly string[],
  { log, gid }: { readonly log: Log; readonly gid: number },
): Promise<void> {
  for (const directory of directories) {
    await mkdir(directory, { recursive: true })
    const before = await stat(directory)
    if (before.gid === gid && (before.mode & 0o7777) === MODE) continue
    try {
      if (before.gid !== gid) await chown(directory, before.uid, gid)
      await chmod(directory, MODE)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new UsageError(
        `${directory}: ${reason}; it is uid ${before.uid}'s, gid ${before.gid}, mode ${(before.mode & 0o7777).toString(8)}: stop what made it on the node, such as another AESM, and remove it`,
      )
    }
    log.info('prepared', { directory, gid, mode: MODE.toString(8) })
  }
}
