import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ImageError } from './image-error.ts'

/** A Debian package, whose file is known by its hash wherever it comes from. */
export interface DebianPackage {
  readonly name: string
  readonly version: string
  /** Below a mirror's root: `pool/main/g/glibc/libc6_….deb`. */
  readonly file: string
  readonly bytes: number
  /** Lower-case hex. */
  readonly sha256: string
}

const Locked = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9.+-]+$/),
  version: z.string().regex(/^[A-Za-z0-9.+:~-]+$/),
  file: z.string().regex(/^pool\/[A-Za-z0-9.+~_/-]+\.deb$/),
  bytes: z.int().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})

const Lock = z.strictObject({
  architecture: z.literal('amd64'),
  packages: z.array(Locked).min(1),
})

/** Where the lock is committed. */
export const lockFile: string = join(import.meta.dirname, 'debian.lock.json')

/** @throws {ImageError} `ERR_IMAGE_LOCK` */
export async function readLock(file: string = lockFile): Promise<readonly DebianPackage[]> {
  return parseLock(await readFile(file, 'utf8'))
}

/** @throws {ImageError} `ERR_IMAGE_LOCK` */
export function parseLock(text: string): readonly DebianPackage[] {
  try {
    const found: unknown = JSON.parse(text)
    return Lock.parse(found).packages
  } catch (cause) {
    const detail = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause)
    throw new ImageError(
      'ERR_IMAGE_LOCK',
      `the lock of the Debian packages cannot be read: ${detail}; npm run image -- lock writes it anew`,
      { cause },
    )
  }
}

/** Sorted by name, so that two locks differ only where packages do. */
export function lockText(packages: readonly DebianPackage[]): string {
  const sorted = packages.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return `${JSON.stringify({ architecture: 'amd64', packages: sorted }, undefined, 2)}\n`
}

export async function writeLock(
  packages: readonly DebianPackage[],
  file: string = lockFile,
): Promise<void> {
  await writeFile(file, lockText(packages))
}
