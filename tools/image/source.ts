import { finished } from './command.ts'
import { ImageError } from './image-error.ts'

/** What the image is built from. */
export interface Source {
  /** The commit, with `-dirty` behind it where files differ from it; `unknown` outside a clone. */
  readonly revision: string
  /** Of the commit, or what SOURCE_DATE_EPOCH says, in seconds since 1970. */
  readonly time: number
  /** What a person must know of it: that it is dirty, or not a clone. */
  readonly warning: string | undefined
}

/**
 * @param epoch SOURCE_DATE_EPOCH, where it is set
 * @throws {ImageError} `ERR_IMAGE_EPOCH` for one that is no number of seconds
 * @see https://reproducible-builds.org/specs/source-date-epoch/
 */
export async function readSource(root: string, epoch: string | undefined): Promise<Source> {
  const asked = readEpoch(epoch)
  const remedy = 'install git, or build from a clone'
  const git = async (...args: readonly string[]) =>
    await finished('git', ['-C', root, ...args], remedy)
  const commit = await git('log', '-1', '--format=%H %ct')
  const [revision = '', time = ''] = commit.stdout.trim().split(' ')
  if (commit.code !== 0 || revision === '') {
    const detail = commit.stderr.trim().split('\n').at(0)
    const warning = `no commit is known (${detail}): the image is marked "unknown", its time is ${asked ?? 0} (SOURCE_DATE_EPOCH)`
    return { revision: 'unknown', time: asked ?? 0, warning }
  }
  const status = await git('status', '--porcelain')
  const changed = status.stdout.split('\n').filter(line => line !== '')
  const isClean = status.code === 0 && changed.length === 0
  return {
    revision: isClean ? revision : `${revision}-dirty`,
    time: asked ?? Number(time),
    warning: isClean
      ? undefined
      : `${changed.length} files differ from commit ${revision.slice(0, 12)}: the image is marked "-dirty"`,
  }
}

function readEpoch(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  if (/^\d{1,10}$/.test(text)) return Number(text)
  throw new ImageError(
    'ERR_IMAGE_EPOCH',
    `SOURCE_DATE_EPOCH: want seconds since 1970, such as 1700000000, got '${text}'`,
  )
}
