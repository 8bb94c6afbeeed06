import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Metafile } from 'esbuild'
import { z } from 'zod'

const Manifest = z.object({ name: z.string(), version: z.string(), license: z.string() })

/**
 * The licences of the packages of which something went into a bundle, with their texts: most of them ask for that
 * where copies are given away.
 */
export async function thirdPartyNotices(root: string, metafile: Metafile): Promise<string> {
  const folders = new Set(
    Object.values(metafile.outputs).flatMap(({ inputs }) =>
      Object.entries(inputs).flatMap(([path, { bytesInOutput }]) =>
        bytesInOutput > 0 ? (packageFolder(path) ?? []) : [],
      ),
    ),
  )
  const notices = await Promise.all(
    [...folders].toSorted().map(async folder => await noticeOf(join(root, folder))),
  )
  return notices.join(`\n${'-'.repeat(80)}\n\n`)
}

/** `node_modules/@scope/name` of a file below it, the innermost one. */
function packageFolder(path: string): string | undefined {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]
}

async function noticeOf(folder: string): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  const { name, version, license } = Manifest.parse(manifest)
  const file = (await readdir(folder)).find(one => /^licen[cs]e(\.|$)/i.test(one))
  const text =
    file === undefined
      ? 'The package has no licence text of its own.\n'
      : await readFile(join(folder, file), 'utf8')
  return `${name} ${version} (${license})\n\n${text}`
}
