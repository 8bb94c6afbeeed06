import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { alcove, alcoveSays, alcoveState } from '../alcove/install.ts'
import type { World } from './world.ts'

/** Somebody outside the cluster who is shown a quote: files, and no way to reach anything in it. */
export interface RelyingParty {
  readonly directory: string
  readonly root: string
  readonly collateral: string
}

/** @param directory where the root certificate and the collateral go that the simulated platforms' operator gives away */
export async function relyingParty({ layout }: World, directory: string): Promise<RelyingParty> {
  const given = async (action: 'root' | 'collateral', name: string): Promise<string> => {
    const file = join(directory, name)
    await writeFile(file, await alcove('sim', action, '--state', alcoveState(layout)))
    return file
  }
  return {
    directory,
    root: await given('root', 'root.pem'),
    collateral: await given('collateral', 'collateral.json'),
  }
}

/** Either the verdict on a quote that verifies, or the error of one that does not. */
export interface Judgement {
  readonly exitCode: number
  readonly status?: string | undefined
  readonly trusted?: boolean | undefined
  readonly mrEnclave?: string | undefined
  readonly reportData?: string | undefined
  readonly error?: { readonly code: string } | undefined
}

const Printed = z.object({
  status: z.string().optional(),
  trusted: z.boolean().optional(),
  mrEnclave: z.string().optional(),
  reportData: z.string().optional(),
  error: z.object({ code: z.string() }).optional(),
})

/** What `alcove verify` says of a quote, with further options such as `--root`. */
export async function judge(
  { directory, collateral }: RelyingParty,
  quote: Uint8Array,
  ...options: readonly string[]
): Promise<Judgement> {
  const file = join(directory, 'shown.quote')
  await writeFile(file, quote)
  const args = ['verify', file, '--collateral', collateral, '--output', 'json', ...options]
  const { stdout, exitCode } = await alcoveSays(...args)
  return { ...Printed.parse(JSON.parse(stdout)), exitCode }
}
